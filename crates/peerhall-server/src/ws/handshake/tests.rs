use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A well-formed upgrade, line by line.
const UPGRADE: [&str; 6] = [
    "GET /v1?key=pk_live_x HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

fn request(lines: &[&str]) -> Vec<u8> {
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

/// The well-formed upgrade with the line that starts with `start` replaced.
fn upgrade_with(start: &str, line: &str) -> Vec<u8> {
    request(&UPGRADE.map(|known| if known.starts_with(start) { line } else { known }))
}

fn upgrade_without(start: &str) -> Vec<u8> {
    let kept: Vec<&str> = UPGRADE.into_iter().filter(|line| !line.starts_with(start)).collect();
    request(&kept)
}

fn upgrade_and(line: &str) -> Vec<u8> {
    request(&[&UPGRADE[..], &[line]].concat())
}

fn head(bytes: &[u8]) -> Head<'_> {
    parse(bytes, 0).unwrap().unwrap()
}

fn outcome(bytes: &[u8]) -> Result<String, Refusal> {
    upgrade(&head(bytes)).map(|accept| String::from_utf8(accept.response).unwrap())
}

/// What comes of `bytes` in chunks of `size`, presented as a caller would.
fn parse_in_chunks(bytes: &[u8], size: usize) -> Result<Option<usize>, Refusal> {
    let mut seen = 0;
    while seen < bytes.len() {
        let len = bytes.len().min(seen + size);
        if let Some(head) = parse(&bytes[..len], seen)? {
            return Ok(Some(head.head_bytes()));
        }
        seen = len;
    }
    Ok(None)
}

fn lines(response: &[u8]) -> Vec<&str> {
    str::from_utf8(response).unwrap().split("\r\n").collect()
}

#[test]
fn w001_the_handshake_of_the_rfc_is_answered_by_its_101() {
    assert_eq!(
        outcome(&request(&UPGRADE)).unwrap(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    );
}

#[test]
fn w006_a_get_without_upgrade_headers_is_426_and_names_websocket() {
    for bytes in [
        request(&["GET /v1 HTTP/1.1", "Host: a"]),
        upgrade_without("Upgrade"),
        upgrade_without("Connection"),
        upgrade_with("Upgrade", "Upgrade: h2c"),
        upgrade_with("GET", "GET /v1 HTTP/1.0"),
    ] {
        let refusal = outcome(&bytes).unwrap_err();
        assert_eq!((refusal, refusal.status()), (Refusal::UpgradeRequired, 426));
    }
    let answer = Refusal::UpgradeRequired.response();
    let lines = lines(&answer);
    assert_eq!(lines[0], "HTTP/1.1 426 Upgrade Required");
    assert!(lines.contains(&"Upgrade: websocket"), "{lines:?}");
}

#[test]
fn a_version_that_is_not_13_is_426_and_names_13() {
    for bytes in [
        upgrade_without("Sec-WebSocket-Version"),
        upgrade_with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"),
        upgrade_with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8"),
        upgrade_and("Sec-WebSocket-Version: 8"),
    ] {
        let refusal = outcome(&bytes).unwrap_err();
        assert_eq!((refusal, refusal.status()), (Refusal::UnsupportedVersion, 426));
    }
    assert!(lines(&Refusal::UnsupportedVersion.response()).contains(&"Sec-WebSocket-Version: 13"));
}

#[test]
fn a_missing_repeated_or_invalid_key_is_400() {
    for bytes in [
        upgrade_without("Sec-WebSocket-Key"),
        upgrade_and(&format!("Sec-WebSocket-Key: {KEY}")),
        upgrade_with("Sec-WebSocket-Key", "Sec-WebSocket-Key:"),
        upgrade_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"),
        upgrade_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"),
        upgrade_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQECAw=="),
        upgrade_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=!"),
    ] {
        let refusal = outcome(&bytes).unwrap_err();
        assert_eq!((refusal, refusal.status()), (Refusal::InvalidKey, 400));
    }
}

#[test]
fn a_key_with_stray_bits_in_its_last_character_is_let_in() {
    assert!(
        outcome(&upgrade_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==")).is_ok()
    );
}

#[test]
fn an_upgrade_with_a_body_is_400() {
    for line in [
        "Content-Length: 5",
        "Content-Length: 0\r\nContent-Length: 7",
        "Content-Length: x",
        "Content-Length: +0",
        "Transfer-Encoding: chunked",
    ] {
        assert_eq!(outcome(&upgrade_and(line)), Err(Refusal::AnnouncesBody), "{line}");
    }
    assert!(outcome(&upgrade_and("Content-Length: 0")).is_ok());
    assert_eq!(Refusal::AnnouncesBody.status(), 400);
}

#[test]
fn an_upgrade_needs_get_and_one_host() {
    assert_eq!(outcome(&upgrade_with("GET", "POST /v1 HTTP/1.1")), Err(Refusal::NotGet));
    assert_eq!(outcome(&upgrade_with("GET", "get /v1 HTTP/1.1")), Err(Refusal::NotGet));
    assert_eq!(outcome(&upgrade_without("Host")), Err(Refusal::NoHost));
    assert_eq!(outcome(&upgrade_and("Host: b")), Err(Refusal::NoHost));
}

#[test]
fn upgrade_tokens_are_found_in_lists_in_any_letter_case() {
    assert!(outcome(&upgrade_with("Connection", "connection: keep-alive, UPGRADE")).is_ok());
    assert!(outcome(&upgrade_with("Connection", "Connection: keep-alive\r\nConnection: \tupgrade ")).is_ok());
    assert!(outcome(&upgrade_with("Upgrade", "uPGRADE: foo ,WebSocket")).is_ok());
    assert_eq!(outcome(&upgrade_with("Connection", "Connection: upgrades")), Err(Refusal::UpgradeRequired));
}

#[test]
fn w011_offered_extensions_and_subprotocols_are_declined() {
    let bytes = upgrade_and(
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
         Sec-WebSocket-Protocol: a, b",
    );
    let answer = outcome(&bytes).unwrap();
    assert!(!answer.contains("Extensions") && !answer.contains("Protocol:"), "{answer}");
}

#[test]
fn w008_a_target_of_20_kb_is_read_and_one_above_32_kib_is_414() {
    let target_of = |len: usize| format!("/v1?token={}", "t".repeat(len - 10));
    let with = |len: usize| upgrade_with("GET", &format!("GET {} HTTP/1.1", target_of(len)));

    assert!(outcome(&with(20_000)).is_ok());
    assert_eq!(head(&with(32_768)).query().len(), 32_768 - 4);
    for size in [1, 1_000, 1 << 20] {
        assert_eq!(parse_in_chunks(&with(32_769), size), Err(Refusal::TargetTooLong), "chunks of {size}");
        assert_eq!(parse_in_chunks(&with(60_000), size), Err(Refusal::TargetTooLong), "chunks of {size}");
    }
    assert_eq!(Refusal::TargetTooLong.status(), 414);
}

#[test]
fn an_endless_target_is_refused_before_it_ends() {
    let endless = [b"GET /".as_slice(), &[b'a'; 33_000]].concat();
    for size in [1, 1_000, 1 << 20] {
        assert_eq!(parse_in_chunks(&endless, size), Err(Refusal::TargetTooLong), "chunks of {size}");
    }
}

#[test]
fn a_head_above_64_kib_is_431_whether_it_ends_or_not() {
    let line = format!("X-Filler: {}", "f".repeat(2_000));
    let large = request(&[&UPGRADE[..], &[line.as_str(); 40]].concat());
    let endless = &large[..large.len() - 4];
    for size in [1, 1_000, 1 << 20] {
        assert_eq!(parse_in_chunks(&large, size), Err(Refusal::HeadTooLarge), "chunks of {size}");
        assert_eq!(parse_in_chunks(endless, size), Err(Refusal::HeadTooLarge), "chunks of {size}");
    }
    let fits = request(&[&UPGRADE[..], &[line.as_str(); 30]].concat());
    assert_eq!(parse_in_chunks(&fits, 1_000), Ok(Some(fits.len())));
    assert_eq!(Refusal::HeadTooLarge.status(), 431);
}

#[test]
fn more_than_64_headers_are_431() {
    let filled = |count: usize| request(&[&UPGRADE[..], &vec!["X: y"; count - 5]].concat());
    assert!(outcome(&filled(64)).is_ok());
    assert_eq!(parse(&filled(65), 0).unwrap_err(), Refusal::HeadTooLarge);
}

#[test]
fn what_is_no_http_1_request_is_400() {
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01".as_slice(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v1 HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /v1 HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        b"GET  /v1 HTTP/1.1\r\n\r\n",
        b"\r\n\r\n\r\n",
    ] {
        let refusal = parse(bytes, 0).unwrap_err();
        assert_eq!((refusal, refusal.status()), (Refusal::Malformed, 400));
    }
}

#[test]
fn a_head_in_chunks_of_any_size_ends_where_the_whole_ends() {
    for bytes in [
        request(&UPGRADE),
        b"GET /v1 HTTP/1.1\n\n".to_vec(),
        b"GET /v1 HTTP/1.1\r\nHost: a\n\r\n".to_vec(),
        b"\r\nGET /v1 HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        for size in 1..=bytes.len() {
            assert_eq!(parse_in_chunks(&bytes, size), Ok(Some(bytes.len())), "chunks of {size}");
        }
        assert_eq!(parse_in_chunks(&bytes[..bytes.len() - 1], 1), Ok(None));
    }
}

#[test]
fn frames_behind_the_head_are_left_alone() {
    let bytes = [request(&UPGRADE), b"\x81\x80\r\n\r\n".to_vec()].concat();
    assert_eq!(head(&bytes).head_bytes(), bytes.len() - 6);
}

#[test]
fn path_and_query_are_split_at_the_first_question_mark() {
    for (target, path, query) in [
        ("/v1", "/v1", ""),
        ("/v1?", "/v1", ""),
        ("/v1/?key=a?b", "/v1/", "key=a?b"),
        ("http://host:80/v1?key=a", "/v1", "key=a"),
        ("HTTPS://host", "/", ""),
        ("*", "*", ""),
    ] {
        let bytes = upgrade_with("GET", &format!("GET {target} HTTP/1.1"));
        let head = head(&bytes);
        assert_eq!((head.path(), head.query()), (path, query), "{target}");
    }
}

#[test]
fn headers_are_looked_up_in_any_letter_case() {
    let bytes = upgrade_and("oRIGIN: https://a.example\r\nX-Twice: 1\r\nx-twice: 2\r\nX-Raw: \u{e9}");
    let head = head(&bytes);
    assert_eq!(head.method(), "GET");
    assert_eq!(head.host(), Some("server.example.com"));
    assert_eq!(head.origin(), Some("https://a.example"));
    assert_eq!(head.header("x-twice"), None);
    assert_eq!(head.header_values("X-TWICE").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(head.header("absent"), None);
}

#[test]
fn two_origins_count_as_none() {
    let bytes = upgrade_and("Origin: https://a.example\r\nOrigin: https://b.example");
    assert_eq!(head(&bytes).origin(), None);
}

#[test]
fn forwarded_addresses_are_listed_over_all_lines_nearest_last() {
    let bytes = upgrade_and("X-Forwarded-For: 1.1.1.1, ::1\r\nHost2: x\r\nx-forwarded-for:, 2.2.2.2 ");
    let head = head(&bytes);
    assert_eq!(head.forwarded_for().collect::<Vec<_>>(), ["1.1.1.1", "::1", "2.2.2.2"]);
    assert_eq!(head.forwarded_for().next_back(), Some("2.2.2.2"));
}

#[test]
fn debug_shows_no_credential() {
    let bytes = upgrade_and("Authorization: Bearer hush");
    let shown = format!("{:?}", head(&bytes));
    assert_eq!(shown, "Head(GET /v1, 6 headers)");
    let shown = format!("{:?}", query_params("token=hush").next().unwrap());
    assert!(shown.contains("token") && !shown.contains("hush"), "{shown}");
}

#[test]
fn every_answer_says_its_length_and_that_it_closes() {
    for (answer, status) in [
        (too_many_requests(7), "429 Too Many Requests"),
        (service_unavailable(), "503 Service Unavailable"),
        (Refusal::Malformed.response(), "400 Bad Request"),
        (Refusal::TargetTooLong.response(), "414 URI Too Long"),
        (Refusal::UpgradeRequired.response(), "426 Upgrade Required"),
        (Refusal::UnsupportedVersion.response(), "426 Upgrade Required"),
        (Refusal::HeadTooLarge.response(), "431 Request Header Fields Too Large"),
        (response(418, &[], "short and stout"), "418 "),
    ] {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut parsed = httparse::Response::new(&mut headers);
        let len = parsed.parse(&answer).unwrap().unwrap();
        assert_eq!(lines(&answer)[0], format!("HTTP/1.1 {status}"));
        assert!(lines(&answer).contains(&"Connection: close"), "{status}");
        let length = format!("Content-Length: {}", answer.len() - len);
        assert!(lines(&answer).contains(&length.as_str()), "{status}");
    }
}

#[test]
fn w007_w116_busy_answers_are_empty_and_say_when_to_come_back() {
    for (answer, retry_after) in
        [(too_many_requests(7), "Retry-After: 7"), (service_unavailable(), "Retry-After: 1")]
    {
        assert!(lines(&answer).contains(&retry_after));
        assert!(answer.ends_with(b"Content-Length: 0\r\nConnection: close\r\n\r\n"));
    }
}

fn decoded(query: &str) -> Vec<(String, Result<String, QueryError>)> {
    query_params(query)
        .map(|Param { name, value }| (name.into_owned(), value.map(std::borrow::Cow::into_owned)))
        .collect()
}

#[test]
fn w009_percent_encoded_names_and_values_are_decoded_and_plus_stays() {
    let value = |text: &str| Ok(text.to_owned());
    assert_eq!(
        decoded("key=pk%5Flive%5fx&%74oken=a+b%2Bc%3D&u=%c3%B6ö"),
        [("key".into(), value("pk_live_x")), ("token".into(), value("a+b+c=")), ("u".into(), value("öö")),]
    );
    assert_eq!(
        decoded("&&a&b=&=c&a=d=e"),
        [
            ("a".into(), value("")),
            ("b".into(), value("")),
            (String::new(), value("c")),
            ("a".into(), value("d=e"))
        ]
    );
    assert_eq!(decoded(""), []);
}

#[test]
fn a_bad_escape_is_an_error_of_its_own_parameter() {
    for bad in ["%", "%4", "%4g", "%g4", "a%", "%%41", "%+1"] {
        assert_eq!(
            decoded(&format!("key={bad}&x=1"))[0],
            ("key".into(), Err(QueryError::InvalidEscape)),
            "{bad}"
        );
    }
    for bad in ["%ff", "%c3", "%ed%a0%80", "a%c3b"] {
        assert_eq!(decoded(&format!("key={bad}"))[0], ("key".into(), Err(QueryError::InvalidUtf8)), "{bad}");
    }
}

#[test]
fn w010_a_parameter_whose_name_cannot_be_decoded_is_ignored() {
    assert_eq!(decoded("%zz=1&key=a&%ff=2"), [("key".into(), Ok("a".into()))]);
}

proptest! {
    #[test]
    fn any_value_survives_percent_encoding(chars in vec(any::<char>(), 0..40)) {
        let value = String::from_iter(chars);
        let escapes = value.bytes().map(|byte| format!("%{byte:02X}"));
        let query = escapes.fold("v=".to_owned(), |query, escape| query + &escape);
        prop_assert_eq!(decoded(&query), [("v".to_owned(), Ok(value))]);
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300), size in 1_usize..50) {
        let _ = parse_in_chunks(&bytes, size);
        if let Ok(text) = str::from_utf8(&bytes) {
            let _ = decoded(text);
        }
    }

    #[test]
    fn a_damaged_head_ends_the_same_however_it_arrives(
        damage in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        size in 1_usize..50,
    ) {
        let mut bytes = request(&UPGRADE);
        for (place, byte) in damage {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = parse(&bytes, 0).map(|head| head.map(|head| head.head_bytes()));
        // A fault is told when it is looked for: at once, or when an empty line has come.
        match parse_in_chunks(&bytes, size) {
            Ok(None) => prop_assert!(whole.is_err() || whole == Ok(None)),
            told => prop_assert_eq!(told, whole),
        }
        if let Ok(Some(head)) = parse(&bytes, 0) {
            let _ = upgrade(&head);
        }
    }
}

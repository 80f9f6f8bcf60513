use proptest::prelude::*;

use super::*;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

#[test]
fn compacting_takes_the_whitespace_between_tokens_and_nothing_else() {
    let spaced = "{ \"b\" : 1e400 ,\n\t\"a\":[ -0.0, 12345678901234567890 ],\r\"s p\" : \" \\\" x \\\\\" , \"u\":\"\\ud800 \u{a0}\" }";
    let compact = compact_object(&raw(spaced), 1_000).unwrap();
    assert_eq!(
        compact.get(),
        "{\"b\":1e400,\"a\":[-0.0,12345678901234567890],\"s p\":\" \\\" x \\\\\",\"u\":\"\\ud800 \u{a0}\"}"
    );
}

#[test]
fn an_object_is_measured_in_its_compact_form() {
    let spaced = raw("{  \"a\"  :  1  }");
    assert!(compact_object(&spaced, 7).is_ok());
    assert_eq!(compact_object(&spaced, 6).unwrap_err(), MetadataError::TooLarge { size: 7, cap: 6 });
}

#[test]
fn only_objects_that_parsers_can_take_pass() {
    for other in ["[]", "1", "\"{}\"", "true", "null"] {
        assert_eq!(compact_object(&raw(other), 100).unwrap_err(), MetadataError::NotAnObject, "{other}");
    }
    let nested = |depth: usize| raw(&format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth)));
    assert!(compact_object(&nested(127), 1_000).is_ok());
    assert_eq!(compact_object(&nested(128), 1_000).unwrap_err(), MetadataError::TooDeep);
}

#[test]
fn a_member_is_found_by_its_key_at_the_top_only() {
    for object in [
        r#"{"iceServers":[]}"#,
        r#"{"a":{"b":[1,"}"]},"iceServers":null}"#,
        r#"{ "ice\u0053ervers" : 1 }"#,
        r#"{"\ud800":1,"iceServers":2}"#,
        r#"{"x\\":"\"","iceServers":2}"#,
    ] {
        assert!(has_member(object, "iceServers"), "{object}");
    }
    for object in [
        "{}",
        r#"{"a":"iceServers"}"#,
        r#"{"a":{"iceServers":[]}}"#,
        r#"{"a":[{"iceServers":[]}]}"#,
        r#"{"a\"iceServers":1}"#,
        r#"{"iceservers":1}"#,
        r#"{"a":"\"iceServers\":"}"#,
    ] {
        assert!(!has_member(object, "iceServers"), "{object}");
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a \"\\\\:{}\\[\\],\n]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner).prop_map(Value::Object),
        ]
    })
}

fn members(
    value: impl Strategy<Value = serde_json::Value>,
) -> impl Strategy<Value = serde_json::Map<String, serde_json::Value>> {
    prop::collection::vec(("[k \"\\\\:{}]{0,2}", value), 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

proptest! {
    #[test]
    fn compacting_a_pretty_text_gives_the_compact_text(object in members(json())) {
        let pretty = serde_json::to_string_pretty(&object).unwrap();
        let written = serde_json::to_string(&object).unwrap();
        let compact = compact_object(&raw(&pretty), 100_000).unwrap();
        prop_assert_eq!(compact.get(), written);
    }

    #[test]
    fn members_are_those_a_parser_finds(object in members(json()), name in "[k \"\\\\:{}]{0,2}") {
        let pretty = serde_json::to_string_pretty(&object).unwrap();
        prop_assert_eq!(has_member(&pretty, &name), object.contains_key(&name));
    }
}

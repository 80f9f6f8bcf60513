//! Who gets into the console, and what a page of somebody else gets: nothing.

use peerhall_auth::action::{Action, Actions};
use serde_json::json;

use super::super::tests::lab::{Answer, CONSOLE_TOKEN, Lab, patterns};

const HOST: &str = "hall.example:7788";
const HERE: &str = "127.0.0.1:7788";

/// A request of the console's own page, with a cookie if there is one.
fn ask(lab: &Lab, method: &str, path: &str, cookie: Option<&str>, body: &str) -> Answer {
    ask_at(lab, HOST, method, path, cookie, body)
}

fn ask_at(lab: &Lab, host: &str, method: &str, path: &str, cookie: Option<&str>, body: &str) -> Answer {
    let path = format!("/console/api/{path}");
    let request = lab.request(method, &path, body).header("host", host);
    let request = request.header("origin", format!("http://{host}")).header("sec-fetch-site", "same-origin");
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    lab.send(request, body.to_owned())
}

/// The cookie that signing in sets, without its attributes.
fn sign_in(lab: &Lab) -> String {
    let (id, secret) = lab.secret_pair();
    let answer = ask(lab, "POST", "session", None, &json!({"keyId": id, "secret": secret}).to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("; Path=/console; HttpOnly; SameSite=Strict; Max-Age="), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn a_secret_key_that_reaches_everything_opens_a_session_and_signing_out_ends_it() {
    let lab = Lab::new();
    assert_eq!(ask(&lab, "GET", "keys", None, "").status, 401);
    let state = ask(&lab, "GET", "session", None, "").json();
    assert_eq!((&state["signedIn"], &state["mode"]), (&json!(false), &json!("serve")));
    let cookie = sign_in(&lab);
    let keys = ask(&lab, "GET", "keys", Some(&cookie), "");
    assert_eq!(keys.status, 200);
    assert!(!keys.body.contains("sk_secret_") && keys.body.contains(lab.publishable.id.as_str()));
    let ids: Vec<String> =
        keys.json()["keys"].as_array().unwrap().iter().map(|key| key["id"].to_string()).collect();
    assert_eq!(ids.len(), 3, "the keys of the other app are not among them: {ids:?}");
    assert_eq!(ask(&lab, "POST", "session/end", Some(&cookie), "{}").status, 200);
    assert_eq!(ask(&lab, "GET", "keys", Some(&cookie), "").status, 401);
}

#[test]
fn a_key_that_reaches_less_than_everything_opens_nothing() {
    for narrow in [0, 1] {
        let lab = Lab::with(|setup| match narrow {
            0 => setup.secret.patterns = patterns(&["room-*"]),
            _ => setup.secret.actions = Actions::from(Action::Publish),
        });
        let (id, secret) = lab.secret_pair();
        let body = json!({"keyId": id, "secret": secret}).to_string();
        let answer = ask(&lab, "POST", "session", None, &body);
        assert_eq!((answer.status, answer.error()), (403, "action_not_permitted".to_owned()));
        assert!(answer.header("set-cookie").is_none());
    }
}

#[test]
fn guesses_are_limited_as_those_at_the_rest_api_are_and_from_the_same_account() {
    let lab = Lab::with(|setup| setup.address = "192.0.2.1");
    let (id, _) = lab.secret_pair();
    let guess = json!({"keyId": id, "secret": "sk_secret_0123456789"}).to_string();
    for _ in 0..20 {
        assert_eq!(ask(&lab, "POST", "session", None, &guess).status, 401);
    }
    assert_eq!(ask(&lab, "POST", "session", None, &guess).status, 429);
    assert_eq!(lab.ask_as(Some("Bearer x:y"), "GET", "/v1/usage", "").status, 429);
    let (id, secret) = lab.secret_pair();
    let good = json!({"keyId": id, "secret": secret}).to_string();
    assert_eq!(ask(&lab, "POST", "session", None, &good).status, 429, "who guessed is shut out for a minute");
}

#[test]
fn a_request_of_another_web_site_is_refused_though_the_browser_adds_the_cookie() {
    let lab = Lab::new();
    let cookie = sign_in(&lab);
    let body = json!({"peer": "alice"}).to_string();
    let kick = |change: &dyn Fn(axum::http::request::Builder) -> axum::http::request::Builder| {
        let request = lab.request("POST", "/console/api/kick", &body).header("host", HOST);
        lab.send(change(request.header("cookie", &cookie)), body.clone()).status
    };
    assert_eq!(kick(&|request| request.header("origin", format!("http://{HOST}"))), 200);
    assert_eq!(kick(&|request| request), 403, "no Origin");
    assert_eq!(kick(&|request| request.header("origin", "http://evil.example")), 403);
    assert_eq!(kick(&|request| request.header("origin", "http://hall.example:9999")), 403, "another port");
    let same = |request: axum::http::request::Builder| request.header("origin", format!("http://{HOST}"));
    assert_eq!(kick(&|request| same(request).header("sec-fetch-site", "same-site")), 403);
    let read = lab.request("GET", "/console/api/keys", "").header("host", HOST).header("cookie", &cookie);
    assert_eq!(lab.send(read.header("sec-fetch-site", "cross-site"), String::new()).status, 403);
}

#[test]
fn a_session_ends_with_the_key_that_opened_it() {
    let lab = Lab::new();
    let cookie = sign_in(&lab);
    assert_eq!(ask(&lab, "GET", "keys", Some(&cookie), "").status, 200);
    lab.revoke_secret();
    assert_eq!(ask(&lab, "GET", "keys", Some(&cookie), "").status, 401);
    assert_eq!(ask(&lab, "GET", "session", Some(&cookie), "").json()["signedIn"], json!(false));
}

#[test]
fn dev_lets_its_own_machine_in_by_a_local_name_only() {
    let lab = dev("127.0.0.1");
    assert_eq!(ask_at(&lab, HERE, "GET", "keys", None, "").status, 200);
    assert_eq!(ask_at(&lab, "localhost:7788", "GET", "keys", None, "").status, 200);
    assert_eq!(ask_at(&lab, "rebound.example:7788", "GET", "keys", None, "").status, 401, "DNS rebinding");
    let forwarded = lab.request("GET", "/console/api/keys", "").header("host", HERE);
    let forwarded = forwarded.header("x-forwarded-for", "198.51.100.7");
    assert_eq!(lab.send(forwarded, String::new()).status, 401, "a tunnel brings strangers");
    assert_eq!(ask_at(&dev("192.0.2.9"), HERE, "GET", "keys", None, "").status, 401, "another machine");
}

#[test]
fn the_token_of_dev_lets_one_browser_in_and_is_used_up_by_that() {
    let lab = dev("192.0.2.9");
    let body = json!({"token": CONSOLE_TOKEN}).to_string();
    assert_eq!(ask(&lab, "POST", "session", None, r#"{"token":"guess"}"#).status, 401);
    let first = ask(&lab, "POST", "session", None, &body);
    assert_eq!(first.status, 200);
    let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap();
    assert_eq!(ask(&lab, "GET", "keys", Some(cookie), "").status, 200);
    assert_eq!(ask(&lab, "POST", "session", None, &body).status, 401);
    let serve = Lab::new();
    assert_eq!(ask(&serve, "POST", "session", None, &body).status, 401, "serve has no such token");
}

#[test]
fn a_kick_reaches_the_app_of_the_session_and_a_bad_body_reaches_nothing() {
    let lab = Lab::new();
    let cookie = sign_in(&lab);
    let kicked = ask(&lab, "POST", "kick", Some(&cookie), r#"{"peer":"alice"}"#);
    assert_eq!((kicked.status, &kicked.json()["closed"]), (200, &json!(2)));
    for body in ["", "[]", "{}", r#"{"peer":""}"#, r#"{"peer":7}"#] {
        assert_eq!(ask(&lab, "POST", "kick", Some(&cookie), body).status, 400, "{body}");
    }
}

#[test]
fn a_check_tells_the_rule_and_knows_the_keys_of_its_app_only() {
    let lab = Lab::new();
    let cookie = sign_in(&lab);
    let check = |credential: &str, action: &str| {
        let body = json!({"credential": credential, "action": action, "channel": "room-42"}).to_string();
        ask(&lab, "POST", "check", Some(&cookie), &body)
    };
    let key = lab.publishable.id.as_str();
    let yes = check(key, "publish").json();
    assert_eq!((&yes["allowed"], &yes["rule"]), (&json!(true), &json!("allowed")));
    assert_eq!(yes["text"], json!("yes, by the pattern ** of the key"));
    assert_eq!(check(key, "send").json()["rule"], json!("key_lacks_action"));
    assert_eq!(check("eyJ.nonsense", "send").json()["rule"], json!("not_a_token"));
    assert_eq!(check(key, "admin").status, 400);
}

#[test]
fn paths_that_the_console_does_not_have_are_404() {
    let lab = Lab::new();
    let cookie = sign_in(&lab);
    for (method, path) in
        [("GET", ""), ("GET", "kick"), ("DELETE", "keys"), ("POST", "feed"), ("GET", "keys/")]
    {
        assert_eq!(ask(&lab, method, path, Some(&cookie), "").status, 404, "{method} {path}");
    }
    for id in ["", "0-0-0", "9-9-9", "x"] {
        assert_eq!(ask(&lab, "GET", &format!("inspect?id={id}"), Some(&cookie), "").status, 400, "{id}");
    }
}

fn dev(address: &'static str) -> Lab {
    Lab::with(|setup| {
        setup.address = address;
        setup.dev = true;
    })
}

#[test]
fn what_a_page_tells_of_its_calls_is_shown_to_the_operators_of_its_app_and_wants_this_site_and_a_good_key() {
    let lab = dev("127.0.0.1");
    let tell = |origin: &'static str, key: &str| {
        let call =
            json!({"with": "<b>ben</b>", "state": "connected", "path": "direct", "sent": 1, "received": 1});
        let body = json!({"key": key, "peer": "ann", "calls": [call]}).to_string();
        let request =
            lab.request("POST", "/page/report", &body).header("host", HERE).header("origin", origin);
        lab.send(request, body)
    };
    let key = lab.publishable.id.as_str();
    assert_eq!(tell("http://evil.example", key).status, 403);
    assert_eq!(tell("http://127.0.0.1:7788", "pk_live_00000000000000000000000000000000").status, 401);
    assert_eq!(tell("http://127.0.0.1:7788", lab.secret_pair().0).status, 401, "a page has no secret key");
    let heard = tell("http://127.0.0.1:7788", key);
    // Nobody took samples yet, because this plane has no runtime of its own.
    assert_eq!((heard.status, heard.json()), (200, json!({"nextMs": 15_000})));
    assert_eq!(lab.ask("GET", "/page/report", "").status, 404);
}

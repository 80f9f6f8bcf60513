//! Wire checklist, REST: peers, publish, kick and usage, 140 to 146.

use std::time::Duration;

use peerhall_e2e::server::{Ways, actions, token_of};
use peerhall_e2e::{Rest, Running, all_silent, eventually, on_every_shard_count, start};
use peerhall_server::store::AppChange;
use serde_json::{Value, json};

fn publish(server: &Running, channel: &str, body: &Value) -> peerhall_e2e::Response {
    server.rest().post(&format!("/v1/channels/{channel}/publish"), body)
}

fn refusal(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

#[test]
fn w140_encoded_and_raw_paths_give_the_same_list_with_one_entry_per_peer() {
    on_every_shard_count(|server| {
        let shown = json!({ "username": "Alice" });
        let alice = json!({ "sub": "u_alice_123", "peerMetadata": shown });
        let mut clients = [server.bearer(&alice), server.bearer(&alice), server.peer("u_carol_789")];
        for client in &mut clients {
            client.ack(json!({ "type": "subscribe", "channel": "app_abc/room-1" }));
        }
        let wanted = json!({
            "channel": "app_abc/room-1",
            "peers": [{ "peerId": "u_alice_123", "metadata": shown }, { "peerId": "u_carol_789" }],
        });
        for path in ["app_abc%2Froom-1", "app_abc/room-1", "%61pp_abc%2froom-1", "app_abc/room-1/peers/.."] {
            let response = server.rest().get(&format!("/v1/channels/{path}/peers"));
            if path.ends_with("..") {
                // Dot segments are part of the name.
                assert_eq!(response.json(), json!({ "channel": "app_abc/room-1/peers/..", "peers": [] }));
            } else {
                assert_eq!((response.status, response.json()), (200, wanted.clone()), "{path}");
            }
        }
    });
}

#[test]
fn w140_what_is_no_channel_or_not_the_keys_is_refused() {
    let server = start();
    let get = |rest: &Rest, name: &str| rest.get(&format!("/v1/channels/{name}/peers")).refusal();
    let rest = server.rest();
    for name in ["", "%00", "a%0Ab", "%ff", "%zz", &"x".repeat(257)] {
        assert_eq!(get(&rest, name), refusal(400, "invalid_request"), "{name:?}");
    }
    assert_eq!(get(&rest, "_system%2Fx"), refusal(400, "channel_reserved"));
    let narrow = server.add_secret(&["room-*"], |_| {});
    assert_eq!(get(&Rest::with_key(server.addr(), &narrow), "other"), refusal(403, "channel_not_authorized"));
    let blind = server.add_secret(&["**"], |key| key.actions = actions(&["publish"]));
    assert_eq!(get(&Rest::with_key(server.addr(), &blind), "room"), refusal(403, "action_not_permitted"));
    assert_eq!(
        rest.get("/v1/channels/nobody+here/peers").json(),
        json!({ "channel": "nobody+here", "peers": [] })
    );
}

#[test]
fn w141_a_peer_is_listed_as_soon_as_its_subscribe_is_acknowledged() {
    on_every_shard_count(|server| {
        for n in 0..10 {
            let channel = format!("room-{n}");
            let mut client = server.client();
            client.ack(json!({ "type": "subscribe", "channel": channel }));
            let list = server.rest().get(&format!("/v1/channels/{channel}/peers")).json();
            assert_eq!(list["peers"], json!([{ "peerId": client.id() }]));
        }
        let key = server.add_publishable(&["**"], |key| key.actions = actions(&["subscribe"]));
        let mut hidden = server.client_with(&key);
        hidden.ack(json!({ "type": "subscribe", "channel": "dark" }));
        let list = server.rest().get("/v1/channels/dark/peers").json();
        assert_eq!(list["peers"], json!([]), "without the action presence");
    });
}

#[test]
fn w142_a_published_message_reaches_all_members_with_its_sender_and_metadata() {
    on_every_shard_count(|server| {
        let (mut curious, mut plain) = (server.peer("backend"), server.client());
        let opt_in = json!({ "type": "subscribe", "channel": "app/room", "includeSenderMetadata": true });
        curious.ack(opt_in);
        plain.ack(json!({ "type": "subscribe", "channel": "app/room" }));
        let shown = json!({ "service": "billing" });
        let body = json!({ "data": { "n": 1 }, "from": "backend", "peerMetadata": shown });
        let response = publish(server, "app%2Froom", &body);
        assert_eq!(
            (response.status, response.json()),
            (200, json!({ "channel": "app/room", "delivered": 2 }))
        );

        let mut message =
            json!({ "type": "message", "channel": "app/room", "from": "backend", "data": { "n": 1 } });
        let is_message = |frame: &peerhall_e2e::Frame| frame.kind() == "message";
        assert_eq!(plain.find("message", is_message).json(), message);
        message["fromMetadata"] = shown;
        // Nobody is left out, not even a peer whose id equals `from`.
        assert_eq!(curious.find("message", is_message).json(), message);

        publish(server, "app/room", &json!({ "data": null }));
        let message = plain.find("message", is_message);
        assert_eq!((message.get("from"), message.get("data")), (json!("system"), Value::Null));
        assert!(!curious.find("message", is_message).has("fromMetadata"));
        assert_eq!(publish(server, "empty", &json!({ "data": 1 })).json()["delivered"], json!(0));
    });
}

#[test]
fn w142_data_comes_out_byte_for_byte_and_counts_as_a_message() {
    let server = start();
    let mut member = server.client();
    member.subscribe("room");
    let data = r#"{"b":1,"a":12345678901234567890,"u":"\ud800","x":[ 1e400,	-0]}"#;
    let body = format!(r#"{{"data":{data}}}"#);
    let before = server.rest().get("/v1/usage").json()["messagesUsed"].clone();
    assert_eq!(server.rest().call("POST", "/v1/channels/room/publish", Some(body.as_bytes())).status, 200);
    assert_eq!(member.expect("message").raw("data"), data);
    let after = server.rest().get("/v1/usage").json()["messagesUsed"].clone();
    assert_eq!(after.as_u64(), before.as_u64().map(|before| before + 1));
}

#[test]
fn w143_publish_refuses_missing_data_bad_senders_and_reserved_channels() {
    let server = start();
    let invalid = refusal(400, "invalid_request");
    for body in [
        json!({}),
        json!({ "from": "x" }),
        json!({ "data": 1, "from": "" }),
        json!({ "data": 1, "from": 7 }),
        json!({ "data": 1, "from": "böb" }),
        json!({ "data": 1, "from": "x".repeat(129) }),
        json!({ "data": 1, "peerMetadata": [] }),
        json!({ "data": 1, "peerMetadata": { "x": "m".repeat(4_096) } }),
    ] {
        assert_eq!(publish(&server, "room", &body).refusal(), invalid, "{body}");
    }
    let reserved = publish(&server, "_system%2Fx", &json!({ "data": 1 }));
    assert_eq!(reserved.refusal(), refusal(400, "channel_reserved"));
    let narrow = server.add_secret(&["room-*"], |key| key.actions = actions(&["publish"]));
    let narrow = Rest::with_key(server.addr(), &narrow);
    let elsewhere = narrow.post("/v1/channels/other/publish", &json!({ "data": 1 }));
    assert_eq!(elsewhere.refusal(), refusal(403, "channel_not_authorized"));
    let mute = server.add_secret(&["**"], |key| key.actions = actions(&["presence"]));
    let mute = Rest::with_key(server.addr(), &mute).post("/v1/channels/room/publish", &json!({ "data": 1 }));
    assert_eq!(mute.refusal(), refusal(403, "action_not_permitted"));
}

#[test]
fn w144_a_kick_closes_4020_counts_connections_and_stays_within_the_app() {
    on_every_shard_count(|server| {
        let other = server.add_tenant("other", |_| {});
        let mut stranger = server.dial().token(&token_of(&other, &json!({ "sub": "x y" }))).open();
        let mut bystander = server.peer("y");
        let mut kicked: Vec<_> = (0..3).map(|_| server.peer("x y")).collect();
        let response = server.rest().delete("/v1/peers/x%20y");
        assert_eq!((response.status, response.json()), (200, json!({ "peerId": "x y", "closed": 3 })));
        for client in &mut kicked {
            assert_eq!(client.closed(), 4020);
        }
        all_silent(&mut [&mut stranger, &mut bystander]);
        let again = server.rest().delete("/v1/peers/x%20y");
        assert_eq!((again.status, again.json()), (200, json!({ "peerId": "x y", "closed": 0 })));
        for bad in ["%00", "%C3%B6", &"x".repeat(129)] {
            let response = server.rest().delete(&format!("/v1/peers/{bad}"));
            assert_eq!(response.refusal(), refusal(400, "invalid_request"), "{bad}");
        }
    });
}

#[test]
fn w145_a_kicked_peer_may_return_with_the_same_token() {
    let server = start();
    let token = server.token(&json!({ "sub": "x" }));
    let mut client = server.dial().token(&token).open();
    assert_eq!(server.rest().delete("/v1/peers/x").json()["closed"], json!(1));
    assert_eq!(client.closed(), 4020);
    server.dial().token(&token).open().subscribe("room");
}

#[test]
fn w146_usage_has_every_member_and_follows_the_connections() {
    let server = start();
    let usage = || server.rest().get("/v1/usage").json();
    let first = usage();
    assert_eq!(first["appId"], json!("app_test"));
    for member in ["periodStartUnix", "periodEndUnix", "concurrentNow", "peakConcurrent", "messagesUsed"] {
        assert!(first[member].is_u64(), "{member}: {first}");
    }
    assert_eq!((&first["overageMessages"], &first["overageConnections"]), (&json!(0), &json!(0)));
    let none = json!({
        "name": "SELF_HOSTED", "maxConcurrentConnections": 2_147_483_647, "maxMessagesPerPeriod": 2_147_483_647,
        "overagesAllowed": true, "overagesEnabled": true,
    });
    assert_eq!(first["plan"], none);
    let (begin, end) = (first["periodStartUnix"].as_f64(), first["periodEndUnix"].as_f64());
    let now = peerhall_e2e::unix_secs();
    assert!(begin.is_some_and(|begin| begin <= now) && end.is_some_and(|end| now < end));

    let concurrent = |wanted: u64| {
        let what = format!("{wanted} connections");
        eventually(&what, Duration::from_secs(1), || {
            (usage()["concurrentNow"] == json!(wanted)).then_some(())
        });
    };
    concurrent(0);
    let mut clients: Vec<_> = (0..5).map(|_| server.client()).collect();
    concurrent(5);
    for client in clients.drain(..3) {
        client.reset();
    }
    concurrent(2);
    clients[0].ack(json!({ "type": "publish", "channel": "room", "data": 1 }));
    let to = clients[1].id().to_owned();
    clients[0].ack(json!({ "type": "send", "to": to, "data": 1 }));
    let last = usage();
    assert_eq!((&last["messagesUsed"], &last["peakConcurrent"]), (&json!(2), &json!(5)));
}

#[test]
fn w146_usage_counts_what_is_over_a_quota_and_shows_the_plan() {
    let server = start();
    let key = server.add_tenant("metered", |app| {
        app.plan_name = "GOLD".to_owned();
        app.max_connections = Some(1);
        app.max_messages_per_period = Some(1);
    });
    let rest = Rest::with_key(server.addr(), &key);
    let dial = || server.dial().token(&token_of(&key, &json!({})));
    let mut client = dial().open();
    let message = || json!({ "type": "publish", "channel": "room", "data": 1 });
    client.ack(message());
    assert_eq!(client.refusal(message()), "over_message_quota");
    let refused = rest.post("/v1/channels/room/publish", &json!({ "data": 1 }));
    assert_eq!(refused.refusal(), refusal(429, "over_message_quota"));
    assert_eq!(dial().refused().0, 4010);
    let usage = rest.get("/v1/usage").json();
    assert_eq!(usage["messagesUsed"], json!(3), "dropped ones count: {usage}");
    assert_eq!(
        usage["plan"],
        json!({
            "name": "GOLD", "maxConcurrentConnections": 1, "maxMessagesPerPeriod": 1,
            "overagesAllowed": false, "overagesEnabled": false,
        })
    );

    server.update_app(&key.app, AppChange { overages: Some(true), ..AppChange::default() });
    client.ack(message());
    dial().open().ack(message());
    let usage = rest.get("/v1/usage").json();
    assert_eq!((&usage["overageMessages"], &usage["overageConnections"]), (&json!(2), &json!(1)), "{usage}");
}

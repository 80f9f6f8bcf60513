use std::collections::BTreeSet;

use super::*;

fn endpoint(method: Method, path: &str) -> Option<Endpoint<'_>> {
    let Route::ControlPlane(endpoint) = Route::of(&method, path) else { panic!("{path} is outside /v1/") };
    endpoint
}

#[test]
fn w140_a_channel_is_everything_between_the_fixed_parts() {
    let channel = |path| endpoint(Method::GET, path);
    assert_eq!(
        channel("/v1/channels/app_abc%2Froom-1/peers"),
        Some(Endpoint::ListPeers { channel: "app_abc%2Froom-1" })
    );
    assert_eq!(
        channel("/v1/channels/app_abc/room-1/peers"),
        Some(Endpoint::ListPeers { channel: "app_abc/room-1" })
    );
    assert_eq!(channel("/v1/channels/a/../b/peers"), Some(Endpoint::ListPeers { channel: "a/../b" }));
    assert_eq!(channel("/v1/channels//peers"), Some(Endpoint::ListPeers { channel: "" }));
    assert_eq!(channel("/v1/channels/a/peers/peers"), Some(Endpoint::ListPeers { channel: "a/peers" }));
    assert_eq!(
        endpoint(Method::POST, "/v1/channels//a//publish"),
        Some(Endpoint::Publish { channel: "/a/" })
    );
}

#[test]
fn w147_a_known_path_with_another_method_is_unknown() {
    for (method, path) in [
        (Method::GET, "/v1/tokens"),
        (Method::OPTIONS, "/v1/tokens"),
        (Method::POST, "/v1/usage"),
        (Method::HEAD, "/v1/usage"),
        (Method::POST, "/v1/channels/a/peers"),
        (Method::GET, "/v1/channels/a/publish"),
        (Method::GET, "/v1/peers/a"),
        (Method::GET, "/v1/channels/peers"),
        (Method::DELETE, "/v1/peers"),
        (Method::POST, "/v1"),
        (Method::GET, "/v1/nothing"),
    ] {
        assert_eq!(endpoint(method.clone(), path), None, "{method} {path}");
    }
    assert_eq!(Route::of(&Method::POST, "/health"), Route::Unknown);
    assert_eq!(Route::of(&Method::GET, "/v10/usage"), Route::Unknown);
}

#[test]
fn fixed_paths_may_end_in_a_slash_and_a_peer_id_may_hold_one() {
    assert_eq!(endpoint(Method::POST, "/v1/tokens/"), Some(Endpoint::MintToken));
    assert_eq!(endpoint(Method::GET, "/v1/usage/"), Some(Endpoint::Usage));
    assert_eq!(endpoint(Method::DELETE, "/v1/peers/a/b"), Some(Endpoint::DisconnectPeer { peer: "a/b" }));
    assert_eq!(endpoint(Method::DELETE, "/v1/peers/"), Some(Endpoint::DisconnectPeer { peer: "" }));
    assert_eq!(Route::of(&Method::GET, "/v1/"), Route::Socket);
}

/// The description of the REST plane that is published.
const DESCRIPTION: &str = include_str!("../../../../../docs/openapi.yaml");

/// Method and path of every operation that is described: the keys of the first two levels below `paths`.
fn described() -> BTreeSet<(String, String)> {
    let lines = DESCRIPTION.lines().skip_while(|line| *line != "paths:").skip(1);
    let mut path = "";
    let mut operations = BTreeSet::new();
    for line in lines.take_while(|line| line.starts_with(' ')) {
        let Some(key) = line.strip_suffix(':') else { continue };
        match key.len() - key.trim_start().len() {
            2 => path = key.trim_start(),
            4 if key.trim_start() != "parameters" => {
                operations.insert((key.trim_start().to_uppercase(), path.to_owned()));
            }
            _ => {}
        }
    }
    operations
}

/// What the description calls a route; the files of the page are no API, and what the console asks for is
/// its own, as is what pages tell it.
fn operation(route: Route<'_>) -> Option<(&'static str, &'static str)> {
    Some(match route {
        Route::Page(_) | Route::Unknown | Route::ControlPlane(None) => return None,
        Route::Console(_) | Route::Report => return None,
        Route::Health => ("GET", "/health"),
        Route::Ready => ("GET", "/ready"),
        Route::Metrics => ("GET", "/metrics"),
        Route::Socket => ("GET", "/v1"),
        Route::ControlPlane(Some(endpoint)) => match endpoint {
            Endpoint::MintToken => ("POST", "/v1/tokens"),
            Endpoint::ListPeers { .. } => ("GET", "/v1/channels/{channel}/peers"),
            Endpoint::Publish { .. } => ("POST", "/v1/channels/{channel}/publish"),
            Endpoint::DisconnectPeer { .. } => ("DELETE", "/v1/peers/{peer}"),
            Endpoint::Usage => ("GET", "/v1/usage"),
        },
    })
}

#[test]
fn p22_the_published_description_names_every_route_and_nothing_else() {
    let all = [
        Route::Health,
        Route::Ready,
        Route::Metrics,
        Route::Socket,
        Route::ControlPlane(Some(Endpoint::MintToken)),
        Route::ControlPlane(Some(Endpoint::ListPeers { channel: "" })),
        Route::ControlPlane(Some(Endpoint::Publish { channel: "" })),
        Route::ControlPlane(Some(Endpoint::DisconnectPeer { peer: "" })),
        Route::ControlPlane(Some(Endpoint::Usage)),
    ];
    let routes: BTreeSet<_> = all.into_iter().filter_map(operation).collect();
    let described = described();
    let words: BTreeSet<_> =
        described.iter().map(|(method, path)| (method.as_str(), path.as_str())).collect();
    assert_eq!(words, routes);

    // What is described leads where the description says.
    for (method, path) in &described {
        let filled = path.replace("{channel}", "a%2Fb").replace("{peer}", "alice");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let found = operation(Route::of(&method, &filled)).unwrap();
        assert_eq!(found, (method.as_str(), path.as_str()));
    }
}

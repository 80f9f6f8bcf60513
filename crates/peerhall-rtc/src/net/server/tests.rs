use super::*;

fn entry(urls: &[&str]) -> IceServer {
    IceServer {
        urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        username: Some("alice".to_owned()),
        credential: Some("wonderland".to_owned()),
    }
}

fn endpoint(url: &str) -> Result<Endpoint, ServerProblem> {
    let servers = parse(&[entry(&[url])]).map_err(|error| error.problem)?;
    let server = servers.into_iter().next().expect("one address makes one server");
    Ok(server.endpoint)
}

fn at(host: Host, port: u16, transport: ServerTransport) -> Result<Endpoint, ServerProblem> {
    Ok(Endpoint { host, port, transport })
}

fn name(host: &str) -> Host {
    Host::Name(host.to_owned())
}

#[test]
fn every_scheme_has_its_port_and_its_transport() {
    use ServerTransport::{Tcp, Tls, Udp};
    assert_eq!(endpoint("stun:stun.example.org"), at(name("stun.example.org"), 3_478, Udp));
    assert_eq!(endpoint("stuns:example.org"), at(name("example.org"), 5_349, Tls));
    assert_eq!(endpoint("turn:example.org"), at(name("example.org"), 3_478, Udp));
    assert_eq!(endpoint("turn:example.org?transport=udp"), at(name("example.org"), 3_478, Udp));
    assert_eq!(endpoint("turn:example.org:80?transport=tcp"), at(name("example.org"), 80, Tcp));
    assert_eq!(endpoint("turns:example.org"), at(name("example.org"), 5_349, Tls));
    assert_eq!(endpoint("TURNS:example.org:443?Transport=TCP"), at(name("example.org"), 443, Tls));
}

#[test]
fn addresses_need_no_dns_and_ipv6_stands_in_brackets() {
    use ServerTransport::{Tcp, Udp};
    let v4 = Host::Address("192.0.2.7".parse().expect("an address"));
    let v6 = Host::Address("2001:db8::7".parse().expect("an address"));
    assert_eq!(endpoint("stun:192.0.2.7:19302"), at(v4, 19_302, Udp));
    assert_eq!(endpoint("stun:[2001:db8::7]"), at(v6.clone(), 3_478, Udp));
    assert_eq!(endpoint("turn:[2001:db8::7]:53?transport=tcp"), at(v6, 53, Tcp));
    assert_eq!(endpoint("stun:2001:db8::7"), Err(ServerProblem::Port));
}

#[test]
fn each_mistake_has_its_name() {
    let cases = [
        ("", ServerProblem::Scheme),
        ("stun", ServerProblem::Scheme),
        ("http:example.org", ServerProblem::Scheme),
        ("stun:", ServerProblem::Host),
        ("stun:exa mple.org", ServerProblem::Host),
        ("stun://example.org", ServerProblem::Host),
        ("turn:alice@example.org", ServerProblem::Host),
        ("stun:[::1", ServerProblem::Host),
        ("stun:[::1]x", ServerProblem::Host),
        ("stun:[fe80::1%eth0]", ServerProblem::Host),
        ("stun:example.org:0", ServerProblem::Port),
        ("stun:example.org:65536", ServerProblem::Port),
        ("stun:example.org:+80", ServerProblem::Port),
        ("stun:example.org:", ServerProblem::Port),
        ("stun:example.org?transport=udp", ServerProblem::Query),
        ("turn:example.org?transport=sctp", ServerProblem::Query),
        ("turn:example.org?", ServerProblem::Query),
        ("turns:example.org?transport=udp", ServerProblem::Dtls),
    ];
    for (url, problem) in cases {
        assert_eq!(endpoint(url), Err(problem), "{url}");
    }
}

#[test]
fn an_error_names_the_entry() {
    let error = parse(&[entry(&["stun:example.org"]), entry(&["stun:example.org", "ftp:example.org"])]);
    assert_eq!(error, Err(ServerError { entry: 1, problem: ServerProblem::Scheme }));
}

#[test]
fn a_relay_needs_a_credential_and_stun_does_not() {
    let mut without = entry(&["turn:example.org"]);
    without.credential = None;
    assert_eq!(parse(&[without.clone()]).map_err(|error| error.problem), Err(ServerProblem::NoCredential));
    without.urls = vec!["stun:example.org".to_owned()];
    assert_eq!(parse(&[without]).map(|servers| servers.len()), Ok(1));
}

#[test]
fn a_hostile_list_is_refused_before_it_costs_anything() {
    let many = vec![entry(&["stun:example.org"]); 10_000];
    assert_eq!(parse(&many).map_err(|error| error.problem), Err(ServerProblem::TooManyEntries));

    let wide = entry(&["stun:example.org"; 65]);
    assert_eq!(parse(&[wide]).map_err(|error| error.problem), Err(ServerProblem::TooManyUrls));

    let long = format!("stun:{}", "a".repeat(508));
    assert_eq!(endpoint(&long), Err(ServerProblem::UrlTooLong));

    let mut heavy = entry(&["turn:example.org"]);
    heavy.credential = Some("x".repeat(1_025));
    assert_eq!(parse(&[heavy]).map_err(|error| error.problem), Err(ServerProblem::CredentialTooLong));
    assert_eq!(parse(&[entry(&[])]).map_err(|error| error.problem), Err(ServerProblem::NoUrl));
}

#[test]
fn a_credential_is_in_no_debug_text() {
    let servers = parse(&[entry(&["turn:example.org"])]).expect("a good list");
    let text = format!("{servers:?}");
    assert!(!text.contains("alice") && !text.contains("wonderland"), "{text}");
    assert!(text.contains("turn:example.org"), "{text}");
}

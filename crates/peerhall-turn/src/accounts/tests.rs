use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use super::*;

fn user(app: &str, peer: &str) -> RelayUser {
    RelayUser {
        expires_at: 2_000_000_000,
        app: app.parse().unwrap(),
        issued_at_ms: 1_000,
        peer: peer.parse().unwrap(),
    }
}

fn books(quotas: Quotas) -> (Arc<Accounts>, Instant) {
    let start = Instant::now();
    (Arc::new(Accounts::new(quotas, start)), start)
}

fn quotas(user: u32, app: u32) -> Quotas {
    Quotas {
        ports_per_user: NonZeroU32::new(user).unwrap(),
        ports_per_app: NonZeroU32::new(app),
        ..Quotas::default()
    }
}

#[test]
fn t35_a_user_and_an_app_have_so_many_ports_and_get_them_back() {
    let (books, _) = books(quotas(2, 3));
    let alice = books.seat(&user("one", "alice"), 2).unwrap();
    assert_eq!(books.seat(&user("one", "alice"), 1).unwrap_err(), OverQuota);
    let bob = books.seat(&user("one", "bob"), 1).unwrap();
    assert_eq!(books.seat(&user("one", "carol"), 1).unwrap_err(), OverQuota, "the app is full");
    let other = books.seat(&user("two", "alice"), 2).unwrap();
    drop(alice);
    assert!(books.seat(&user("one", "carol"), 2).is_ok());
    drop((bob, other));
    assert!(books.apps().iter().all(|app| app.ports == 0));
    assert!(books.peers(&"one".parse().unwrap()).is_empty(), "who relays nothing takes no memory");
}

#[test]
fn t35_bandwidth_is_a_second_at_once_and_then_the_rate() {
    let rate = Quotas { user_bytes_per_second: NonZeroU64::new(10_000), ..Quotas::default() };
    let (books, start) = books(rate);
    let seat = books.seat(&user("one", "alice"), 1).unwrap();
    let passed = |now| (0..100).filter(|_| seat.spend(1_000, Way::ToPeer, now)).count();
    assert_eq!(passed(start), 10);
    assert_eq!(passed(start + Duration::from_millis(500)), 5);
    assert_eq!(passed(start + Duration::from_secs(60)), 10);
    let [alice] = books.peers(&"one".parse().unwrap()).try_into().unwrap();
    assert_eq!((alice.bytes_to_peers, alice.bytes_to_clients), (25_000, 0));
}

#[test]
fn the_bandwidth_of_an_app_is_shared_by_its_users() {
    let rate = Quotas {
        user_bytes_per_second: None,
        app_bytes_per_second: NonZeroU64::new(10_000),
        ..Quotas::default()
    };
    let (books, start) = books(rate);
    let alice = books.seat(&user("one", "alice"), 1).unwrap();
    let bob = books.seat(&user("one", "bob"), 1).unwrap();
    assert_eq!((0..8).filter(|_| alice.spend(1_000, Way::ToPeer, start)).count(), 8);
    assert_eq!((0..8).filter(|_| bob.spend(1_000, Way::ToClient, start)).count(), 2);
    let [app] = books.apps().try_into().unwrap();
    assert_eq!((app.bytes_to_peers, app.bytes_to_clients, app.ports), (8_000, 2_000, 2));
}

#[test]
fn the_bytes_of_an_app_outlast_its_allocations() {
    let (books, start) = books(Quotas::default());
    let seat = books.seat(&user("one", "alice"), 1).unwrap();
    assert!(seat.spend(7, Way::ToClient, start));
    drop(seat);
    assert_eq!(books.apps().first().map(|app| app.bytes_to_clients), Some(7));
}

#[test]
fn what_was_handed_out_before_a_kick_is_worth_nothing_and_what_comes_after_is() {
    let (books, _) = books(Quotas::default());
    let old = user("one", "alice");
    assert!(!books.is_revoked(&old));
    books.revoke(&old.app, &old.peer, 1_000, 90_000);
    assert!(books.is_revoked(&old));
    assert!(!books.is_revoked(&RelayUser { issued_at_ms: 1_001, ..old.clone() }));
    assert!(!books.is_revoked(&user("two", "alice")) && !books.is_revoked(&user("one", "bob")));
    books.revoke(&old.app, &"bob".parse().unwrap(), 90_001_000, 180_000);
    assert_eq!(books.books.lock().unwrap().revoked.len(), 1, "what has expired is forgotten");
}

#[test]
fn a_seat_can_be_made_smaller_and_divided() {
    let (books, _) = books(quotas(4, 4));
    let mut seat = books.seat(&user("one", "alice"), 3).unwrap();
    let reserved = seat.split_one();
    seat.shrink_to(1);
    assert_eq!(books.apps().first().map(|app| app.ports), Some(2));
    drop(seat);
    assert_eq!(books.apps().first().map(|app| app.ports), Some(1));
    drop(reserved);
    assert_eq!(books.apps().first().map(|app| app.ports), Some(0));
}

#[test]
fn it_is_known_who_came_by_which_way() {
    let (books, _) = books(quotas(9, 9));
    let app = "one".parse().unwrap();
    let usage = || books.peers(&app).pop().unwrap();
    let mut tls = books.seat(&user("one", "alice"), 1).unwrap();
    assert_eq!(usage().door(), None, "not before there is an allocation");
    tls.come_by(Door::Tls);
    assert_eq!((usage().door(), usage().doors), (Some(Door::Tls), [0, 0, 1]));
    let mut udp = books.seat(&user("one", "alice"), 2).unwrap();
    udp.come_by(Door::Udp);
    let waiting = udp.split_one();
    assert_eq!((usage().door(), usage().doors), (Some(Door::Udp), [1, 0, 1]));
    drop((udp, waiting));
    assert_eq!(usage().doors, [0, 0, 1]);
    drop(tls);
    assert_eq!(books.apps().pop().unwrap().doors, [0, 0, 0]);
}

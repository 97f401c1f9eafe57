//! Limits per network and room: whoever reaches one is refused and counted, and a good player beside them notices
//! nothing. In virtual time, with addresses as the test likes them.

use std::net::IpAddr;

use bot_client::{Client, Error, Options};
use harness::{Link, Network, Player};

use super::{SECOND, named};

fn from(address: &str) -> Link {
    Link { from: address.parse::<IpAddr>().expect("an address"), ..Link::default() }
}

async fn good(network: &mut Network) -> Player {
    network.join(from("198.51.100.1"), named("Good", "r")).await.expect("a seat")
}

async fn open(network: &mut Network, address: &str) -> Result<Client, Error> {
    network.open(from(address), &Options::default()).await
}

/// Through a proxy that appends to what it was told.
async fn through(network: &mut Network, proxy: &str, forwarded: &str) -> Result<Client, Error> {
    let headers = vec![("X-Forwarded-For".into(), forwarded.into())];
    network.open(from(proxy), &Options { headers, ..Options::default() }).await
}

fn assert_counted(network: &Network, line: &str) {
    let metrics = network.metrics.text();
    assert!(metrics.lines().any(|l| l == line), "{line} is not in\n{metrics}");
}

#[tokio::test(start_paused = true)]
async fn one_network_has_so_many_connections_and_gets_them_back() {
    let mut network = Network::start(1, |raw| raw.net.max_per_ip = 3);
    let mut good = good(&mut network).await;
    let mut held = Vec::new();
    // One subscriber has all addresses of a /64.
    for n in 0..3 {
        held.push(open(&mut network, &format!("2001:db8:0:1::{n}")).await.expect("within the limit"));
    }
    for n in 0..100 {
        assert!(open(&mut network, &format!("2001:db8:0:1:{n}::")).await.is_err(), "one too many");
    }
    open(&mut network, "2001:db8:0:2::1").await.expect("another network");
    assert_counted(&network, "drift_connections_refused_total{reason=\"per_ip\"} 100");
    held.pop().expect("three").close(1000, "").await.expect("a clean close");
    // The tokens of the hundred were not taken, and the socket's task has ended by now.
    good.play(3 * SECOND).await;
    open(&mut network, "2001:db8:0:1::9").await.expect("a place is free again");
    good.assert_undisturbed(3 * SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_network_come_at_a_pace() {
    let mut network = Network::start(2, |raw| raw.net.connects_per_sec_per_ip = 2);
    let mut good = good(&mut network).await;
    let mut opened = 0;
    for _ in 0..50 {
        opened += u32::from(open(&mut network, "203.0.113.5").await.is_ok());
    }
    assert_eq!(opened, 8, "the burst");
    assert_counted(&network, "drift_connections_refused_total{reason=\"connect_rate\"} 42");
    good.play(SECOND).await;
    for expected in [true, true, false] {
        assert_eq!(open(&mut network, "203.0.113.5").await.is_ok(), expected, "two a second");
    }
    good.play(SECOND).await;
    good.assert_undisturbed(2 * SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn this_machine_itself_is_limited_only_on_demand() {
    for (limited, expected) in [(false, 20), (true, 2)] {
        let mut network = Network::start(3, |raw| {
            raw.net.max_per_ip = 2;
            raw.net.limit_loopback = limited;
        });
        let mut held = Vec::new();
        for _ in 0..20 {
            held.extend(open(&mut network, "127.0.0.1").await.ok());
        }
        assert_eq!(held.len(), expected);
        drop(held);
        network.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn players_behind_a_trusted_proxy_are_told_apart_and_nobody_else_is_believed() {
    let mut network = Network::start(4, |raw| {
        raw.net.max_per_ip = 1;
        raw.net.trusted_proxies = vec!["10.0.0.0/8".into()];
        raw.net.forwarded_hops = 2;
    });
    let mut good = good(&mut network).await;
    let first = through(&mut network, "10.0.0.1", "192.0.2.1, 10.0.0.2").await.expect("a player");
    let _second = through(&mut network, "10.0.0.1", "192.0.2.2, 10.0.0.2").await.expect("another one");
    let status = |opened: Result<Client, Error>| match opened.err() {
        Some(Error::Refused { status, .. }) => status,
        _ => 0,
    };
    let spoofed = through(&mut network, "10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.2").await;
    assert_eq!(status(spoofed), 429, "what the client wrote itself does not count");
    assert_eq!(status(through(&mut network, "10.0.0.1", "192.0.2.3").await), 400, "too few proxies");
    assert_eq!(status(open(&mut network, "10.0.0.1").await), 400, "a proxy that names nobody");
    assert_counted(&network, "drift_handshakes_refused_total{reason=\"per_ip\"} 1");
    assert_counted(&network, "drift_handshakes_refused_total{reason=\"forwarded\"} 2");
    let _liar = through(&mut network, "192.0.2.9", "192.0.2.10, 10.0.0.2").await.expect("its first");
    assert!(through(&mut network, "192.0.2.9", "192.0.2.11, 10.0.0.2").await.is_err(), "no proxy of ours");
    drop(first);
    good.play(3 * SECOND).await;
    through(&mut network, "10.0.0.7", "192.0.2.1, 10.0.0.2").await.expect("the place is free again");
    good.assert_undisturbed(3 * SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_network_opens_rooms_at_a_pace() {
    let mut network = Network::start(5, |raw| raw.rooms.new_per_min_per_ip = 2);
    let mut good = good(&mut network).await;
    let mut seats = Vec::new();
    for n in 0..10 {
        match network.join(from("203.0.113.5"), named("Flood", &format!("f{n}"))).await {
            Ok(player) => seats.push(player),
            Err(refused) => assert!(refused.to_string().contains("4011"), "{refused}"),
        }
    }
    assert_eq!(seats.len(), 2);
    assert_counted(&network, "drift_rooms_refused_total{reason=\"rate\"} 8");
    network.join(from("203.0.113.5"), named("Guest", "r")).await.expect("a room that is there");
    network.join(from("203.0.113.6"), named("Other", "other")).await.expect("another network");
    good.play(31 * SECOND).await;
    network.join(from("203.0.113.5"), named("Again", "again")).await.expect("two a minute");
    good.assert_undisturbed(31 * SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn pages_of_other_origins_open_no_socket() {
    let mut network = Network::start(6, |raw| raw.net.allowed_origins = vec!["https://play.example".into()]);
    let mut good = good(&mut network).await;
    for (origin, allowed) in
        [("https://evil.example", false), ("null", false), ("https://play.example", true)]
    {
        let headers = vec![("Origin".into(), origin.into())];
        let opened = network.open(from("203.0.113.5"), &Options { headers, ..Options::default() }).await;
        match opened.err() {
            None => assert!(allowed, "{origin} was let in"),
            Some(Error::Refused { status: 403, .. }) => assert!(!allowed, "{origin} was refused"),
            Some(other) => panic!("{origin}: {other}"),
        }
    }
    assert_counted(&network, "drift_handshakes_refused_total{reason=\"origin\"} 2");
    good.play(SECOND).await;
    good.assert_undisturbed(SECOND);
    network.stop().await;
}

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "another secret, also of 32 bytes";

/// An Ed25519 pair: private and public, PEM.
fn pair() -> (String, String) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    (pair.serialize_pem(), pair.public_key_pem())
}

fn key(kid: &str, algorithm: TicketAlgorithm, text: &str) -> TicketKey {
    TicketKey { kid: kid.into(), algorithm, text: KeyText::Inline(text.into()) }
}

fn tickets(keys: Vec<TicketKey>) -> Tickets {
    let leeway = Duration::from_secs(5);
    Tickets::new(&TicketConfig { issuer: "us".into(), audience: "drift".into(), leeway, keys }).unwrap()
}

fn hs256() -> Tickets {
    tickets(vec![key("a", TicketAlgorithm::Hs256, SECRET)])
}

fn order(kid: &str) -> Order {
    Order {
        kid: kid.into(),
        issuer: "us".into(),
        audience: "drift".into(),
        sub: "player-1".into(),
        name: None,
        ttl: Duration::from_secs(60),
    }
}

/// A ticket with any claims, signed with [`SECRET`] under the kid `a`.
fn with_claims(claims: &serde_json::Value) -> String {
    signing::install();
    let head = Header { kid: Some("a".into()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&head, claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

fn refused(tickets: &Tickets, ticket: &str) -> BadTicket {
    tickets.check(ticket).map(|holder| panic!("{holder:?}")).unwrap_err()
}

#[test]
fn a_good_ticket_says_who_it_is_for() {
    let (private, public) = pair();
    let both =
        tickets(vec![key("a", TicketAlgorithm::Hs256, SECRET), key("b", TicketAlgorithm::EdDsa, &public)]);
    let named = Order { name: Some(" Ada\u{202e} ".into()), ..order("a") };
    let holder = both.check(&mint(&named, SECRET).unwrap()).unwrap();
    assert_eq!((&*holder.id.0, holder.name.as_deref()), ("player-1", Some("Ada")), "the name is cleaned");
    let holder = both.check(&mint(&order("b"), &private).unwrap()).unwrap();
    assert_eq!((&*holder.id.0, holder.name), ("player-1", None));
    assert_eq!(format!("{:?}", holder.id), "PlayerId", "logs do not say who");
}

#[test]
fn keys_rotate_one_beside_the_other() {
    let old = mint(&order("old"), SECRET).unwrap();
    let new = mint(&order("new"), OTHER).unwrap();
    let (a, b) = (key("old", TicketAlgorithm::Hs256, SECRET), key("new", TicketAlgorithm::Hs256, OTHER));
    let before = tickets(vec![a.clone()]);
    let between = tickets(vec![a, b.clone()]);
    let after = tickets(vec![b]);
    assert!(before.check(&old).is_ok() && between.check(&old).is_ok() && between.check(&new).is_ok());
    assert_eq!(refused(&before, &new), BadTicket::UnknownKey);
    assert_eq!(refused(&after, &old), BadTicket::UnknownKey);
    assert!(after.check(&new).is_ok());
    assert_eq!(
        refused(&hs256(), &mint(&order("a"), OTHER).unwrap()),
        BadTicket::Forged,
        "its name is not enough"
    );
}

#[test]
fn the_key_says_which_algorithm_counts() {
    let (private, public) = pair();
    let eddsa = tickets(vec![key("a", TicketAlgorithm::EdDsa, &public)]);
    // What everybody knows as the secret.
    assert_eq!(
        refused(
            &eddsa,
            &mint(&Order { ..order("a") }, public.trim_end()).unwrap_or_else(|_| {
                // `mint` takes PEM for a private key: sign by hand.
                signing::install();
                let head = Header { kid: Some("a".into()), ..Header::new(Algorithm::HS256) };
                let claims =
                    serde_json::json!({ "iss": "us", "aud": "drift", "sub": "x", "exp": now() + 60 });
                jsonwebtoken::encode(&head, &claims, &EncodingKey::from_secret(public.as_bytes())).unwrap()
            })
        ),
        BadTicket::Forged
    );
    assert_eq!(refused(&hs256(), &mint(&order("a"), &private).unwrap()), BadTicket::Forged);

    // {"alg":"none","kid":"a"} and {"alg":"None",...}, without a signature and with any.
    let good = mint(&order("a"), SECRET).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    for head in ["eyJhbGciOiJub25lIiwia2lkIjoiYSJ9", "eyJhbGciOiJOb25lIiwia2lkIjoiYSJ9"] {
        for signature in ["", parts[2]] {
            assert_eq!(refused(&hs256(), &format!("{head}.{}.{signature}", parts[1])), BadTicket::Malformed);
        }
    }
    assert_eq!(refused(&hs256(), &format!("{}.{}.", parts[0], parts[1])), BadTicket::Forged);
    let other_claims = mint(&Order { sub: "player-2".into(), ..order("a") }, SECRET).unwrap();
    let swapped = other_claims.split('.').nth(1).unwrap();
    assert_eq!(refused(&hs256(), &format!("{}.{swapped}.{}", parts[0], parts[2])), BadTicket::Forged);
}

#[test]
fn time_issuer_and_audience_count() {
    let good = serde_json::json!({ "iss": "us", "aud": "drift", "sub": "x", "exp": now() + 60 });
    let change = |key: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[key] = value;
        with_claims(&claims)
    };
    let without = |key: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(key);
        with_claims(&claims)
    };
    let tickets = hs256();
    assert!(tickets.check(&with_claims(&good)).is_ok());
    assert!(tickets.check(&change("aud", serde_json::json!(["chess", "drift"]))).is_ok());
    assert!(tickets.check(&change("exp", (now() - 2).into())).is_ok(), "within the leeway");
    assert!(tickets.check(&change("nbf", (now() + 2).into())).is_ok(), "within the leeway");
    for (ticket, why) in [
        (change("exp", (now() - 30).into()), BadTicket::Expired),
        (change("nbf", (now() + 30).into()), BadTicket::Early),
        (change("iss", "them".into()), BadTicket::Foreign),
        (change("aud", "chess".into()), BadTicket::Foreign),
        (change("sub", "".into()), BadTicket::Malformed),
        (change("sub", "x".repeat(129).into()), BadTicket::Malformed),
        (change("sub", 7.into()), BadTicket::Malformed),
        (change("exp", "tomorrow".into()), BadTicket::Malformed),
        (change("nbf", "yesterday".into()), BadTicket::Malformed),
        (without("exp"), BadTicket::Malformed),
        (without("iss"), BadTicket::Malformed),
        (without("aud"), BadTicket::Malformed),
        (without("sub"), BadTicket::Malformed),
        (change("name", "x".repeat(3000).into()), BadTicket::Malformed),
        ("x.y.z".into(), BadTicket::Malformed),
        (String::new(), BadTicket::Malformed),
    ] {
        assert_eq!(refused(&tickets, &ticket), why, "{ticket}");
    }
}

#[test]
fn keys_that_will_not_do_say_what_would() {
    let (private, public) = pair();
    let fails = |key: TicketKey| {
        let leeway = Duration::ZERO;
        let config = TicketConfig { issuer: "us".into(), audience: "drift".into(), leeway, keys: vec![key] };
        Tickets::new(&config).unwrap_err().to_string()
    };
    assert!(fails(key("k", TicketAlgorithm::Hs256, "short")).contains("32 bytes"));
    assert!(fails(key("k", TicketAlgorithm::EdDsa, SECRET)).contains("BEGIN PUBLIC KEY"));
    assert!(fails(key("k", TicketAlgorithm::EdDsa, &private)).contains("public key"));
    let p256 = rcgen::KeyPair::generate().unwrap().public_key_pem();
    assert!(fails(key("k", TicketAlgorithm::EdDsa, &p256)).contains("Ed25519"));
    let nowhere =
        TicketKey { text: KeyText::File("/nowhere/key".into()), ..key("k", TicketAlgorithm::Hs256, "") };
    assert!(fails(nowhere).contains("/nowhere/key"));
    assert!(mint(&order("k"), &public).unwrap_err().to_string().contains("private key"));
    assert!(mint(&order("k"), "short").unwrap_err().to_string().contains("32 bytes"));
}

//! Where a callee sends its caller to dial, when nobody lets it in there.

use weaver_runtime::{
    CallErrorKind, Ran,
    net::{ConnectError, HANDSHAKE_SECONDS_MAX, Hello},
};

use crate::{
    near::{Door, Purpose, SECRET_BYTES, secret, unused_name},
    nearby::{caller_of, welcome},
    probe::{CALLEE, fingerprint},
    raw::Raw,
    show, soon, within,
};

/// How a callee's door treats its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doorway {
    Nowhere,
    TooLong,
    /// A path with a zero in it is none.
    Zero,
    Empty,
    HangsUp,
    WrongSecret,
    /// What the caller said itself.
    Echo,
    HalfASecret,
    Silent,
    Full,
}

impl Doorway {
    const ALL: [Self; 10] = [
        Self::Nowhere,
        Self::TooLong,
        Self::Zero,
        Self::Empty,
        Self::HangsUp,
        Self::WrongSecret,
        Self::Echo,
        Self::HalfASecret,
        Self::Silent,
        Self::Full,
    ];

    async fn treat(self, mut raw: Raw) {
        let door = if self == Self::Full { Door::narrow() } else { Door::open() };
        let name = match self {
            Self::Nowhere => unused_name(),
            Self::TooLong => "x".repeat(1000),
            Self::Zero => format!("{}\0", door.name),
            Self::Empty => String::new(),
            Self::HangsUp
            | Self::WrongSecret
            | Self::Echo
            | Self::HalfASecret
            | Self::Silent
            | Self::Full => door.name.clone(),
        };
        let crowd = if self == Self::Full { door.fill().await } else { Vec::new() };
        welcome(&mut raw, &name).await;
        let kept = match self {
            Self::HangsUp => {
                drop(door.shown(&raw.quic, Purpose::Shared).await);
                None
            }
            Self::WrongSecret | Self::HalfASecret | Self::Echo | Self::Silent => {
                let mut dialler = door.shown(&raw.quic, Purpose::Shared).await;
                match self {
                    Self::WrongSecret => dialler.send(&[7; SECRET_BYTES]).await,
                    Self::HalfASecret => {
                        let said = secret(&raw.quic, Purpose::Shared, 1);
                        dialler.send(&said[..16]).await;
                    }
                    _ => {
                        let said = secret(&raw.quic, Purpose::Shared, 0);
                        dialler.send(if self == Self::Echo { &said } else { &[] }).await;
                    }
                }
                Some(dialler)
            }
            _ => None,
        };
        raw.quic.closed().await;
        drop((kept, crowd, door));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_leads_nowhere_is_an_error_that_says_so() {
    let mut ends = tokio::task::JoinSet::new();
    for doorway in Doorway::ALL {
        ends.spawn(async move {
            let (callee, caller) = caller_of(move |raw| doorway.treat(raw));
            let hello = Hello::new(fingerprint());
            let connecting = caller.endpoint.connect(callee.address, CALLEE, &hello, &[]);
            let what = format!("{doorway:?}: an end of the handshake");
            let error = within(HANDSHAKE_SECONDS_MAX + 4, &what, connecting).await.unwrap_err();
            let is_slow = matches!(doorway, Doorway::HalfASecret | Doorway::Silent | Doorway::Full);
            match &error {
                ConnectError::Local { address, .. } => assert_eq!(*address, callee.address),
                ConnectError::Silent { .. } if is_slow => {}
                _ => panic!("{doorway:?}: {error:?}"),
            }
            let source = std::error::Error::source(&error).map(ToString::to_string);
            show(&format!("{doorway:?}: {error}: {source:?}"));
        });
    }
    ends.join_all().await;
}

/// A call is not sent to whom cannot be reached, and its caller is told why.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_door_that_leads_nowhere_is_not_sent() {
    let (_callee, caller) = caller_of(|raw| Doorway::Nowhere.treat(raw));
    let error = soon("giving up", caller.probe.echo("x".to_owned())).await.unwrap_err();
    let error = error.call_error().unwrap();
    assert!(matches!(error.kind(), CallErrorKind::NotSent { .. }), "{error}");
    assert_eq!(error.ran(), Ran::No);
    assert!(error.to_string().contains("socket"), "{error}");
}

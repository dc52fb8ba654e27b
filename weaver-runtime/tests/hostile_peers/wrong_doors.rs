//! Where a callee sends its caller to dial, when nobody lets it in there.

use weaver_runtime::net::{ConnectError, HANDSHAKE_SECONDS_MAX, Hello};

use crate::{
    near::{Door, Purpose, SECRET_BYTES, secret, unused_name},
    nearby::{caller_of, reply, welcome},
    probe::{CALLEE, fingerprint},
    raw::{Raw, Welcome, encode, frame, kind},
    soon, within,
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
        if welcome(&mut raw, &name).await.is_none() {
            let request = raw.next().await;
            raw.send(&reply(request.call, "on QUIC")).await;
            return drop(raw.quic.closed().await);
        }
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

/// A caller that is not let in dials once more, and offers no door of its own then.
#[tokio::test(flavor = "multi_thread")]
async fn a_callee_whose_door_leads_nowhere_is_called_on_quic() {
    let mut ends = tokio::task::JoinSet::new();
    for doorway in Doorway::ALL {
        ends.spawn(async move {
            let (_callee, caller) = caller_of(move |raw| doorway.treat(raw));
            let what = format!("{doorway:?}: an answer");
            let call = caller.probe.echo("x".to_owned());
            let answer = within(HANDSHAKE_SECONDS_MAX, &what, call).await;
            assert_eq!(answer.unwrap(), "on QUIC", "{doorway:?}");
        });
    }
    ends.join_all().await;
}

/// Who is sent to dial where it has offered nothing does not go there: the callee may be of another host.
#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_was_not_asked_for_its_door_breaks_the_protocol() {
    let (callee, caller) = caller_of(|mut raw| async move {
        raw.next().await;
        let come = Welcome::ComeTo { local: unused_name() };
        raw.send(&frame(kind::WELCOME, 0, 0, 0, &encode(&come))).await;
        raw.quic.closed().await;
    });
    let hello = Hello::new(fingerprint());
    let connecting = caller.endpoint.connect(callee.address, CALLEE, &hello, &[]);
    let error = soon("an end of the handshake", connecting).await.unwrap_err();
    match &error {
        ConnectError::Protocol { reason, .. } => assert!(reason.contains("not asked"), "{reason}"),
        _ => panic!("{error:?}"),
    }
}

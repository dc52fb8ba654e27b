//! [`Fate`]: what a failure says about sending the call again.

use crate::error::{CallErrorKind, Failure, Ran, Refusal};

/// What became of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing left this process.
    Unsent,
    /// It reached a replica that is about to stop, and did not run.
    Draining,
    /// It reached a replica that could not take it, and did not run; another may.
    Refused,
    /// It may have run.
    Unknown,
    /// It ran, or would fail in the same way everywhere.
    Final,
}

impl Fate {
    /// `was_sent` says whether anything left this process. What did not was refused by our own side.
    pub(crate) fn of(failure: &Failure, was_sent: bool) -> Self {
        match (&failure.kind, failure.ran) {
            (CallErrorKind::NotSent { .. } | CallErrorKind::Draining, Ran::No) if !was_sent => {
                Self::Unsent
            }
            // Overloaded, for one: elsewhere it would be the same, and more work.
            _ if !was_sent => Self::Final,
            (CallErrorKind::Draining, Ran::No) => Self::Draining,
            (
                CallErrorKind::Refused(Refusal::Overloaded { .. } | Refusal::Stalled { .. }),
                Ran::No,
            )
            | (CallErrorKind::InitFailed { .. }, Ran::No) => Self::Refused,
            (CallErrorKind::OutcomeUnknown { .. }, Ran::No | Ran::Unknown) => Self::Unknown,
            // What else may have run is the end of the caller's patience (its deadline, its
            // cancellation), or an answer that would not be understood a second time either.
            _ => Self::Final,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Load;

    fn text() -> String {
        "x".to_owned()
    }

    fn overloaded() -> CallErrorKind {
        CallErrorKind::Refused(Refusal::Overloaded { load: Load::Calls { calls: 1, calls_max: 1 } })
    }

    #[test]
    fn follows_from_the_failure() {
        let too_large = Refusal::TooLarge { bytes: 2, bytes_max: 1 };
        let stalled = Refusal::Stalled { bytes: 1, bytes_min: 2, seconds: 1 };
        let fates = [
            (CallErrorKind::Draining, Fate::Draining),
            (overloaded(), Fate::Refused),
            (CallErrorKind::Refused(stalled), Fate::Refused),
            (CallErrorKind::InitFailed { reason: text() }, Fate::Refused),
            (CallErrorKind::OutcomeUnknown { reason: text() }, Fate::Unknown),
            (CallErrorKind::DeadlineExceeded, Fate::Final),
            (CallErrorKind::Cancelled, Fate::Final),
            (CallErrorKind::Panicked { message: text() }, Fate::Final),
            // What it did to one sandbox it would do to the next.
            (CallErrorKind::Trapped { reason: text() }, Fate::Final),
            (CallErrorKind::Malformed { reason: text() }, Fate::Final),
            (CallErrorKind::WrongVersion { difference: text() }, Fate::Final),
            (CallErrorKind::Refused(too_large), Fate::Final),
            (CallErrorKind::Refused(Refusal::NotPermitted { group: text() }), Fate::Final),
            // A callee that says so did not keep to the protocol, and would not the next time.
            (CallErrorKind::NotSent { reason: text() }, Fate::Final),
        ];
        for (kind, expected) in fates {
            assert_eq!(Fate::of(&kind.clone().into(), true), expected, "{kind:?}");
        }
    }

    #[test]
    fn what_was_not_sent_goes_elsewhere_unless_our_own_side_has_too_much_to_do() {
        let fates = [
            (CallErrorKind::Draining, Fate::Unsent),
            (CallErrorKind::NotSent { reason: text() }, Fate::Unsent),
            (overloaded(), Fate::Final),
        ];
        for (kind, expected) in fates {
            assert_eq!(Fate::of(&kind.clone().into(), false), expected, "{kind:?}");
        }
    }

    #[test]
    fn what_ran_in_spite_of_its_kind_is_final() {
        for ran in [Ran::Unknown, Ran::Yes] {
            assert_eq!(Fate::of(&Failure::new(CallErrorKind::Draining, ran), true), Fate::Final);
        }
    }
}

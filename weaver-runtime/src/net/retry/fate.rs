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
    pub(crate) fn of(failure: &Failure) -> Self {
        match (&failure.kind, failure.ran) {
            (CallErrorKind::NotSent { .. }, Ran::No) => Self::Unsent,
            (CallErrorKind::Draining, Ran::No) => Self::Draining,
            (CallErrorKind::Refused(Refusal::Overloaded { .. }), Ran::No)
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

    fn fate(kind: CallErrorKind) -> Fate {
        Fate::of(&kind.into())
    }

    #[test]
    fn follows_from_the_failure() {
        let text = || "x".to_owned();
        let overloaded = Refusal::Overloaded { calls_in_flight_max: 1 };
        let fates = [
            (CallErrorKind::NotSent { reason: text() }, Fate::Unsent),
            (CallErrorKind::Draining, Fate::Draining),
            (CallErrorKind::Refused(overloaded), Fate::Refused),
            (CallErrorKind::InitFailed { reason: text() }, Fate::Refused),
            (CallErrorKind::OutcomeUnknown { reason: text() }, Fate::Unknown),
            (CallErrorKind::DeadlineExceeded, Fate::Final),
            (CallErrorKind::Cancelled, Fate::Final),
            (CallErrorKind::Panicked { message: text() }, Fate::Final),
            (CallErrorKind::Malformed { reason: text() }, Fate::Final),
            (CallErrorKind::WrongVersion { difference: text() }, Fate::Final),
            (CallErrorKind::Refused(Refusal::TooLarge { bytes_max: 1 }), Fate::Final),
            (CallErrorKind::Refused(Refusal::NotPermitted { group: text() }), Fate::Final),
        ];
        for (kind, expected) in fates {
            assert_eq!(fate(kind.clone()), expected, "{kind:?}");
        }
    }

    #[test]
    fn what_ran_in_spite_of_its_kind_is_final() {
        assert_eq!(Fate::of(&Failure::new(CallErrorKind::Draining, Ran::Unknown)), Fate::Final);
        assert_eq!(Fate::of(&Failure::new(CallErrorKind::Draining, Ran::Yes)), Fate::Final);
    }
}

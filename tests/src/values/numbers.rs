//! Numbers of every width, at their bounds.

use serde::{Deserialize, Serialize};
use weaver::{CallErrorKind, Context, Ran, Result};

use super::echo::{Echo, assert_echoed};
use crate::Stage;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Numbers {
    signed: (i8, i16, i32, i64, i128, isize),
    unsigned: (u8, u16, u32, u64, u128, usize),
    floats: (f32, f64),
    truth: bool,
    letter: char,
}

const SMALLEST: Numbers = Numbers {
    signed: (i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN, i32::MIN as isize),
    unsigned: (0, 0, 0, 0, 0, 0),
    floats: (f32::MIN, f64::MIN),
    truth: false,
    letter: '\0',
};

const LARGEST: Numbers = Numbers {
    signed: (i8::MAX, i16::MAX, i32::MAX, i64::MAX, i128::MAX, i32::MAX as isize),
    unsigned: (u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX, u32::MAX as usize),
    floats: (f32::INFINITY, f64::NEG_INFINITY),
    truth: true,
    letter: char::MAX,
};

/// Each byte of each number is another, so that a wrong order of bytes shows.
const LOPSIDED: Numbers = Numbers {
    signed: (-2, -0x0102, -0x0102_0304, -0x0102_0304_0506_0708, -(1 << 100) - 77, -1),
    unsigned: (1, 0x0102, 0x0102_0304, 0x0102_0304_0506_0708, (1 << 100) + 77, 1),
    floats: (0.1, 1e-300),
    truth: true,
    letter: 'ß',
};

pub(crate) async fn numbers(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    assert_echoed([SMALLEST, LARGEST, LOPSIDED], |it| echo.numbers(it)).await
}

/// They travel with 64 bits. A guest's have 32.
pub(crate) async fn integers_wider_than_a_guests(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let small = Numbers { signed: (0, 0, 0, 0, 0, isize::MIN), ..SMALLEST };
    let large = Numbers { unsigned: (0, 0, 0, 0, 0, usize::MAX), ..SMALLEST };
    if !stage.sandboxed {
        return assert_echoed([small, large], |it| echo.numbers(it)).await;
    }
    for wide in [small, large] {
        let error = echo.numbers(wide).await.expect_err("it has no room there");
        let error = error.call_error().context("it is of the way")?;
        assert!(matches!(error.kind(), CallErrorKind::Malformed { .. }), "{error}");
        assert_eq!(error.ran(), Ran::No);
    }
    Ok(())
}

/// NaNs with a payload, signalling and negative ones, and the zeros: `==` cannot tell them apart.
pub(crate) async fn floats_keep_their_bits(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let doubles = [0x7ff8_0000_0000_0001, 0x7ff0_0000_0000_0001, 0xfff8_dead_beef_0001, 1 << 63, 1];
    let singles = [0x7fc0_0001, 0x7f80_0001, 0xffc0_beef, 1 << 31, 1];
    for (single, double) in singles.into_iter().zip(doubles) {
        let there = echo.bits(f32::from_bits(single), f64::from_bits(double)).await?;
        assert_eq!((there.0, there.1), (single, double), "at the callee");
        assert_eq!((there.2.to_bits(), there.3.to_bits()), (single, double), "back here");
    }
    Ok(())
}

//! [`Scaler`]: makes small what strangers send.

use std::io::Cursor;

use image::ImageFormat;
use serde::{Deserialize, Serialize};
use weaver::{CallError, component};

/// Scales images.
#[component]
pub(crate) trait Scaler {
    /// A PNG of at most [`SIDE`] pixels each way.
    #[idempotent]
    async fn scale(&self, image: Vec<u8>) -> Result<Vec<u8>, ScaleError>;
}

/// The longer side of an image in a post, in pixels.
const SIDE: u32 = 480;

/// The image was not scaled.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum ScaleError {
    /// It cannot be decoded.
    #[error("not an image: {0}")]
    NotAnImage(String),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

#[derive(Default)]
struct Decoder;

#[component]
impl Scaler for Decoder {
    async fn scale(&self, image: Vec<u8>) -> Result<Vec<u8>, ScaleError> {
        let failed = |error: image::ImageError| ScaleError::NotAnImage(error.to_string());
        let mut image = image::load_from_memory(&image).map_err(failed)?;
        if image.width().max(image.height()) > SIDE {
            image = image.thumbnail(SIDE, SIDE);
        }
        let mut png = Cursor::new(Vec::new());
        image.write_to(&mut png, ImageFormat::Png).map_err(failed)?;
        Ok(png.into_inner())
    }
}

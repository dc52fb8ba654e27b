//! [`Resizer`]: decodes what strangers send.

use std::io::Cursor;

use image::{AnimationDecoder, DynamicImage, ImageFormat, ImageResult, codecs::gif::GifDecoder};
use serde::{Deserialize, Serialize};
use weaver::{CallError, component};

/// Makes thumbnails.
#[component]
pub(crate) trait Resizer {
    /// A PNG of at most [`SIDE`] pixels each way; of an animation, its middle.
    async fn thumbnail(&self, image: Vec<u8>) -> Result<Vec<u8>, ResizeError>;
}

/// The longer side of a thumbnail, in pixels.
pub(crate) const SIDE: u32 = 128;

/// There is no thumbnail.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum ResizeError {
    /// It cannot be decoded.
    #[error("not an image: {0}")]
    NotAnImage(String),
    /// The call failed: the image was too much for the sandbox, for one.
    #[error(transparent)]
    Call(#[from] CallError),
}

#[derive(Default)]
struct Decoder;

#[component]
impl Resizer for Decoder {
    async fn thumbnail(&self, image: Vec<u8>) -> Result<Vec<u8>, ResizeError> {
        tracing::info!(bytes = image.len(), "decoding");
        thumbnail(&image).map_err(|error| ResizeError::NotAnImage(error.to_string()))
    }
}

fn thumbnail(bytes: &[u8]) -> ImageResult<Vec<u8>> {
    let image = match image::guess_format(bytes)? {
        ImageFormat::Gif => middle(bytes)?,
        format => image::load_from_memory_with_format(bytes, format)?,
    };
    let mut png = Cursor::new(Vec::new());
    image.thumbnail(SIDE, SIDE).write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

/// The middle frame of an animation, for which all frames before have to be drawn.
fn middle(bytes: &[u8]) -> ImageResult<DynamicImage> {
    let frames = || GifDecoder::new(Cursor::new(bytes)).map(AnimationDecoder::into_frames);
    let count = frames()?.count();
    match frames()?.nth(count / 2) {
        Some(frame) => Ok(frame?.into_buffer().into()),
        // A file without a frame: the decoder for still images says what is wrong with it.
        None => image::load_from_memory_with_format(bytes, ImageFormat::Gif),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(width, height).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_thumbnail_keeps_its_proportions() {
        let small = image::load_from_memory(&thumbnail(&png(640, 320)).unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (SIDE, SIDE / 2));
    }

    #[test]
    fn what_is_no_image_is_an_error() {
        assert!(thumbnail(b"<svg/>").is_err());
        assert!(thumbnail(&png(64, 64)[..40]).is_err());
    }
}

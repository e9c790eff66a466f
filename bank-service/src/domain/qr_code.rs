//! A text as a QR code (ISO/IEC 18004), drawn as a PNG image.

use png::{BitDepth, ColorType, Encoder};
use qrcodegen::{QrCode, QrCodeEcc};

/// Pixels along each side of a module.
const SCALE: usize = 8;
/// The light border, in modules; readers require it.
const QUIET_ZONE: usize = 4;
const LIGHT: u8 = u8::MAX;

/// The text is too long for a QR code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text does not fit into a QR code")]
pub struct QrCodeError;

/// Draws black on white, one bit for each pixel: a module is one byte of a row.
pub fn draw(text: &str) -> Result<Vec<u8>, QrCodeError> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|_| QrCodeError)?;
    let row =
        |y: i32| (0..code.size()).map(move |x| (x, y)).map(|(x, y)| if code.get_module(x, y) { 0 } else { LIGHT });
    let border = [LIGHT; QUIET_ZONE];
    let rows = (0..code.size()).map(|y| [&border[..], &row(y).collect::<Vec<u8>>(), &border].concat());
    let rows: Vec<Vec<u8>> = rows.collect();
    let modules = rows.len() + 2 * QUIET_ZONE;
    let margin = vec![LIGHT; modules * SCALE * QUIET_ZONE];
    let pixels = [margin.clone(), rows.iter().flat_map(|row| row.repeat(SCALE)).collect(), margin].concat();
    encode(modules * SCALE, &pixels).map_err(|_| QrCodeError)
}

fn encode(side: usize, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let side = u32::try_from(side).map_err(|_| png::EncodingError::LimitsExceeded)?;
    let mut image = Vec::new();
    let mut encoder = Encoder::new(&mut image, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(image)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_image_shows_each_module_within_a_light_border() {
        for text in ["otpauth://totp/Bank:a%40example.com?secret=GEZDGNBVGY3TQOJQ", "x", &"long ".repeat(90)] {
            let image = draw(text).unwrap();
            let mut reader = png::Decoder::new(Cursor::new(image)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let frame = reader.next_frame(&mut pixels).unwrap();
            let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
            let modules = usize::try_from(code.size()).unwrap() + 2 * QUIET_ZONE;
            assert_eq!(frame.width, frame.height);
            assert_eq!(usize::try_from(frame.width).unwrap(), modules * SCALE);
            for (y, line) in pixels.chunks(frame.line_size).enumerate() {
                for (module, byte) in line.iter().enumerate() {
                    let at = |pixel: usize| i32::try_from(pixel).unwrap() - i32::try_from(QUIET_ZONE).unwrap();
                    let dark = code.get_module(at(module), at(y / SCALE));
                    assert_eq!(*byte, if dark { 0 } else { LIGHT }, "{module}, {y}");
                }
            }
        }
        assert_eq!(draw(&"x".repeat(3000)), Err(QrCodeError));
    }
}

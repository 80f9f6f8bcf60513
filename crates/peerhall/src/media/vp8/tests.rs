use image_webp::WebPDecoder;

use super::*;

/// A key frame in the container of a still picture, which is how a decoder of others takes it.
fn still(frame: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    let mut padded = frame.to_vec();
    padded.resize(frame.len().next_multiple_of(2), 0);
    let mut file = b"RIFF".to_vec();
    file.extend(length(4 + 8 + padded.len()));
    file.extend(b"WEBPVP8 ");
    file.extend(length(frame.len()));
    file.extend(padded);
    file
}

/// Red, green and blue of the middle of each macroblock, and width and height of the picture.
fn decoded(frame: &[u8]) -> (Vec<[u8; 3]>, (u32, u32)) {
    let mut decoder = WebPDecoder::new(std::io::Cursor::new(still(frame))).unwrap();
    let (width, height) = decoder.dimensions();
    let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut pixels).unwrap();
    let row = width as usize * 3;
    let middles = (0..height as usize / MACROBLOCK).flat_map(|down| {
        let line = (down * MACROBLOCK + MACROBLOCK / 2) * row;
        (0..width as usize / MACROBLOCK).map(move |across| line + (across * MACROBLOCK + MACROBLOCK / 2) * 3)
    });
    (middles.map(|at| [pixels[at], pixels[at + 1], pixels[at + 2]]).collect(), (width, height))
}

/// What a decoder shows for a luma of video: 16 is black and 235 is white (ITU-R BT.601).
fn shown(luma: u8) -> i32 {
    ((f64::from(luma) - 16.0) * 255.0 / 219.0).round().clamp(0.0, 255.0) as i32
}

fn assert_shows(picture: &Picture, frame: &[u8]) {
    let (pixels, size) = decoded(frame);
    assert_eq!(size, (picture.columns() as u32 * 16, picture.rows() as u32 * 16));
    for (place, (pixel, grey)) in pixels.iter().zip(&picture.greys).enumerate() {
        for part in pixel {
            assert!((i32::from(*part) - shown(*grey)).abs() <= 2, "macroblock {place}: {pixel:?} for {grey}");
        }
    }
}

#[test]
fn a_decoder_of_others_shows_every_macroblock_in_its_grey() {
    let seed = 20_261_121;
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..50 {
        let (columns, rows) = (random.usize(1..24), random.usize(1..16));
        let mut picture = Picture::new(columns, rows, 128);
        // From few changes to a change everywhere, so that both contexts and all words occur.
        for _ in 0..random.usize(0..columns * rows + 1) {
            let step = [1, 3, 9, 40, 120][round % 5];
            let grey = 128_u8.saturating_add_signed(random.i8(-step..=step)).clamp(16, 235);
            picture.set(random.usize(0..columns), random.usize(0..rows), grey);
        }
        assert_shows(&picture, &picture.key_frame());
    }
}

#[test]
fn the_largest_steps_between_neighbours_are_right() {
    let mut picture = Picture::new(8, 4, 16);
    for row in 0..4 {
        (0..8).filter(|column| (column + row) % 2 == 0).for_each(|column| picture.set(column, row, 235));
    }
    assert_shows(&picture, &picture.key_frame());
}

#[test]
fn a_picture_of_one_grey_takes_six_hundred_bytes_at_most() {
    let bytes = Picture::new(36, 20, 90).key_frame().len();
    assert!(bytes <= 600, "{bytes}");
}

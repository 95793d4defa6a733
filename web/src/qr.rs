//! QR codes as SVG.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// The width of the light margin that readers need, in modules.
const QUIET: i32 = 4;

/// Returns a QR code of `text` as an SVG element; `None` if the text is longer than a QR code holds, which is at most
/// 2,331 bytes.
///
/// The error correction is M or better, and the light margin is part of the picture. It is always black on white, also
/// in dark mode and with forced colours: many readers find no light code on a dark ground. The element has a view box
/// and no size.
#[must_use]
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let width = code.size() + 2 * QUIET;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {width}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{width}\" height=\"{width}\" fill=\"#fff\"/><path fill=\"#000\" d=\"{}\"/></svg>",
        path(&code)
    ))
}

/// Returns the dark modules as a path. Neighbours in a row are one rectangle.
fn path(code: &QrCode) -> String {
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let length =
                (x..code.size()).take_while(|x| code.get_module(*x, y)).fold(0, |length, _| length + 1);
            if length > 0 {
                // Writing to a string never fails.
                let _ = write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET, y + QUIET);
            }
            x += length + 1;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pixels for each module in a picture.
    const SCALE: usize = 4;

    /// The picture that an SVG draws: its width in modules, and which are dark.
    struct Picture {
        width: usize,
        dark: Vec<bool>,
    }

    impl Picture {
        /// Draws the rectangles of the path, as a browser would.
        fn draw(svg: &str) -> Self {
            let between = |from: &str, to: &str| svg.split_once(from).unwrap().1.split_once(to).unwrap().0;
            let width: usize = between("viewBox=\"0 0 ", " ").parse().unwrap();
            let mut dark = vec![false; width * width];
            for rectangle in between(" d=\"", "\"").split_terminator('z') {
                let (start, rest) = rectangle.strip_prefix('M').unwrap().split_once('h').unwrap();
                let (x, y) = start.split_once(' ').unwrap();
                let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
                let (length, back) = rest.split_once("v1h-").unwrap();
                assert_eq!(length, back);
                let length: usize = length.parse().unwrap();
                dark[y * width + x..][..length].fill(true);
            }
            Self { width, dark }
        }

        fn is_dark(&self, x: usize, y: usize) -> bool {
            self.dark[y * self.width + x]
        }

        /// Reads the code from its modules.
        fn read(&self) -> String {
            let quiet = usize::try_from(QUIET).unwrap();
            let inside = self.width - 2 * quiet;
            let grid = rqrr::SimpleGrid::from_func(inside, |x, y| self.is_dark(x + quiet, y + quiet));
            rqrr::Grid::new(grid).decode().unwrap().1
        }

        /// Finds and reads the code as a camera does, which needs the light margin.
        fn look(&self) -> String {
            let pixels = self.width * SCALE;
            let shade = |x: usize, y: usize| if self.is_dark(x / SCALE, y / SCALE) { 0 } else { 255 };
            let mut picture = rqrr::PreparedImage::prepare_from_greyscale(pixels, pixels, shade);
            let grids = picture.detect_grids();
            assert_eq!(grids.len(), 1);
            grids[0].decode().unwrap().1
        }
    }

    #[test]
    fn a_camera_reads_the_code() {
        for url in [
            "https://coinop.example/p/lamp",
            "https://coinop.example/p/A-long_id-of-64-letters-0123456789-0123456789-0123456789-0123456",
        ] {
            assert_eq!(Picture::draw(&svg(url).unwrap()).look(), url);
        }
    }

    #[test]
    fn the_margin_is_four_light_modules_on_each_side() {
        let picture = Picture::draw(&svg("https://coinop.example/p/lamp").unwrap());
        let last = picture.width - 5;
        for (x, y) in [(4, 4), (last, 4), (4, last)] {
            assert!(picture.is_dark(x, y), "the corner's pattern begins at {x}, {y}");
        }
        for at in 0..picture.width {
            for margin in [0, 3, last + 1, last + 4] {
                assert!(!picture.is_dark(at, margin) && !picture.is_dark(margin, at));
            }
        }
    }

    #[test]
    fn it_is_one_black_path_on_white() {
        let svg = svg("https://coinop.example/p/lamp").unwrap();
        assert_eq!(svg.matches("<path").count(), 1);
        assert!(svg.contains("fill=\"#fff\"/><path fill=\"#000\""), "{svg}");
        assert!(!svg.contains("style") && !svg.contains("currentColor"), "{svg}");
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert!(svg(&"a".repeat(2331)).is_some());
        assert!(svg(&"a".repeat(2332)).is_none());
    }

    proptest! {
        #[test]
        fn every_address_comes_back(url in "https://[a-z0-9.:-]{1,100}/p/[!-~]{0,180}") {
            let svg = svg(&url).unwrap();
            prop_assert_eq!(Picture::draw(&svg).read(), url);
        }

        #[test]
        fn every_text_comes_back(text in "\\PC{1,75}") {
            let svg = svg(&text).unwrap();
            prop_assert_eq!(Picture::draw(&svg).read(), text);
        }
    }
}

//! The file around the pages: numbered objects, written as they are finished, and the table of their places at the end.
//!
//! Only the place of each object is kept, so memory grows by 16 bytes a page.

use std::io::{self, Write};

use chrono::{DateTime, Datelike, Timelike, Utc};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::writers::{Catalog, DocumentInfo};
use pdf_writer::{Chunk, Date, Filter, Name, Rect, Ref, Settings, TextStr};

use super::font::Font;

const CATALOG: i32 = 1;
const PAGES: i32 = 2;
const REGULAR: i32 = 3;
const BOLD: i32 = 4;
const INFO: i32 = 5;
/// Each page has two objects from here on: its content, then itself.
const FIRST_CONTENT: i32 = 6;
/// A4, in points.
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const HEADER: &[u8] = b"%PDF-1.7\n%\x80\x80\x80\x80\n";

#[derive(Default)]
pub(super) struct File {
    /// How many bytes there are so far.
    written: u64,
    /// The places of the objects from 1 to 5; those that are not written yet are at 0.
    fixed: [u64; 5],
    /// Those of the pages' objects, in order.
    of_pages: Vec<u64>,
}

impl File {
    pub(super) fn begin(&mut self, out: &mut Vec<u8>) {
        self.append(HEADER, out);
        for (number, font) in [(REGULAR, Font::Regular), (BOLD, Font::Bold)] {
            let mut chunk = new_chunk();
            chunk
                .type1_font(Ref::new(number))
                .base_font(Name(font.base()))
                .encoding_predefined(Name(b"WinAnsiEncoding"));
            self.fixed_object(number, &chunk, out);
        }
    }

    /// Writes the next page.
    pub(super) fn page(&mut self, content: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content)?;
        let compressed = encoder.finish()?;
        let content_id = self.next_id()?;
        let mut chunk = new_chunk();
        chunk.stream(content_id, &compressed).filter(Filter::FlateDecode);
        self.page_object(&chunk, out);
        let page_id = self.next_id()?;
        let mut chunk = new_chunk();
        chunk.page(page_id).parent(Ref::new(PAGES)).contents(content_id);
        self.page_object(&chunk, out);
        Ok(())
    }

    /// Writes the page tree, what the file says of itself, and the table of all objects.
    pub(super) fn end(&mut self, title: &str, created: DateTime<Utc>, out: &mut Vec<u8>) -> io::Result<()> {
        self.page_tree(out)?;
        let mut chunk = new_chunk();
        {
            let mut catalog = chunk.indirect(Ref::new(CATALOG)).start::<Catalog>();
            catalog.pages(Ref::new(PAGES)).lang(TextStr("en"));
            catalog.viewer_preferences().display_doc_title(true);
        }
        self.fixed_object(CATALOG, &chunk, out);
        let mut chunk = new_chunk();
        chunk
            .indirect(Ref::new(INFO))
            .start::<DocumentInfo>()
            .title(TextStr(title))
            .producer(TextStr("bank-service"))
            .creation_date(date(created));
        self.fixed_object(INFO, &chunk, out);
        self.table(out);
        Ok(())
    }

    fn page_tree(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let count = i32::try_from(self.of_pages.len() / 2).map_err(io::Error::other)?;
        let mut chunk = new_chunk();
        {
            let mut pages = chunk.pages(Ref::new(PAGES));
            pages.kids((0..count).map(|page| Ref::new(FIRST_CONTENT + 1 + 2 * page))).count(count);
            pages.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT));
            let mut resources = pages.resources();
            resources
                .fonts()
                .pair(Name(Font::Regular.name()), Ref::new(REGULAR))
                .pair(Name(Font::Bold.name()), Ref::new(BOLD));
        }
        self.fixed_object(PAGES, &chunk, out);
        Ok(())
    }

    /// The number of the page's object that is written next.
    fn next_id(&self) -> io::Result<Ref> {
        let before = i32::try_from(self.of_pages.len()).ok();
        let id = before.and_then(|before| before.checked_add(FIRST_CONTENT));
        id.map(Ref::new).ok_or_else(|| io::Error::other("a PDF has no room for so many pages"))
    }

    fn fixed_object(&mut self, number: i32, chunk: &Chunk, out: &mut Vec<u8>) {
        let at = usize::try_from(number).unwrap_or_default().saturating_sub(1);
        if let Some(place) = self.fixed.get_mut(at) {
            *place = self.written;
        }
        self.append(chunk.as_bytes(), out);
    }

    fn page_object(&mut self, chunk: &Chunk, out: &mut Vec<u8>) {
        self.of_pages.push(self.written);
        self.append(chunk.as_bytes(), out);
    }

    /// The table of the objects' places: lines of 20 bytes, the first of them for no object.
    fn table(&mut self, out: &mut Vec<u8>) {
        let (begun, count) = (self.written, self.fixed.len().saturating_add(self.of_pages.len()).saturating_add(1));
        self.append(format!("xref\n0 {count}\n0000000000 65535 f\r\n").as_bytes(), out);
        for place in self.fixed.iter().chain(&self.of_pages) {
            out.extend_from_slice(format!("{place:010} 00000 n\r\n").as_bytes());
        }
        let trailer =
            format!("trailer\n<</Size {count}/Root {CATALOG} 0 R/Info {INFO} 0 R>>\nstartxref\n{begun}\n%%EOF\n");
        out.extend_from_slice(trailer.as_bytes());
    }

    fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.written = self.written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        out.extend_from_slice(bytes);
    }
}

/// For one object.
fn new_chunk() -> Chunk {
    Chunk::with_settings(Settings { pretty: false })
}

fn date(time: DateTime<Utc>) -> Date {
    let part = |number: u32| u8::try_from(number).unwrap_or_default();
    Date::new(u16::try_from(time.year()).unwrap_or_default())
        .month(part(time.month()))
        .day(part(time.day()))
        .hour(part(time.hour()))
        .minute(part(time.minute()))
        .second(part(time.second()))
        .utc_offset_hour(0)
}

//! A column chunk in the making: pages in, and at the end the chunk's bytes and what the footer says of it.
//!
//! Readers want the dictionary page first, but it is known last; so data pages are compressed and kept until
//! the chunk is closed. The parquet crate writes the page headers, and puts closed chunks into the file
//! wherever their turn is.

use super::compression::Compressor;
use super::encoding::{one_run, runs_and_bits, width_of};
use super::values::Bounds;
use super::{Settings, Version};
use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Encoding, PageType};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::collections::VecDeque;
use std::io::Read;

/// A chunk that is complete.
pub(super) struct Closed {
    pub(super) pages: Pages,
    pub(super) result: ColumnCloseResult,
}

/// The pages of a chunk so far.
pub(super) struct Chunk {
    descriptor: ColumnDescPtr,
    version: Version,
    pages: Pages,
    /// Bytes of all pages before compression, headers included.
    uncompressed: i64,
    rows: u64,
    /// Values, with those that are not there.
    entries: u64,
    nulls: u64,
    /// What the index will say of the pages, if there is to be one.
    index: Option<Vec<Indexed>>,
    /// Data pages by encoding, in order of appearance.
    encodings: Vec<PageEncodingStats>,
}

/// A page in the index.
struct Indexed {
    /// Where it begins among the data pages, and how long it is.
    start: usize,
    length: usize,
    rows: usize,
    nulls: usize,
    /// Whether it has no value.
    is_null: bool,
    bounds: Option<Bounds>,
}

/// What a data page is made from.
pub(super) struct DataPage<'a> {
    pub(super) rows: usize,
    pub(super) entries: usize,
    pub(super) nulls: usize,
    /// For each entry 0, or 1 if it continues the list of the one before; only of lists.
    pub(super) repetition: Option<&'a [u8]>,
    /// For each entry how much of it there is: 0, or 1 if it has a value; more of lists. Only of columns that may be
    /// without.
    pub(super) definition: Option<&'a [u8]>,
    pub(super) encoding: Encoding,
    /// The encoded values.
    pub(super) values: &'a [u8],
    pub(super) bounds: Option<Bounds>,
}

impl Chunk {
    pub(super) fn new(descriptor: ColumnDescPtr, settings: &Settings) -> Self {
        Chunk {
            descriptor,
            version: settings.version,
            pages: Pages::default(),
            uncompressed: 0,
            rows: 0,
            entries: 0,
            nulls: 0,
            index: settings.page_index.then(Vec::new),
            encodings: Vec::new(),
        }
    }

    /// Appends a data page, which is put together in `room`.
    pub(super) fn append(
        &mut self,
        data: DataPage,
        compressor: &mut Compressor,
        room: &mut Vec<u8>,
    ) -> Result<()> {
        room.clear();
        let (page, uncompressed) = match self.version {
            Version::One => self.page_version1(&data, compressor, room)?,
            Version::Two => self.page_version2(&data, compressor, room)?,
        };
        let start = self.pages.bytes;
        self.uncompressed += self.pages.write(page, uncompressed)?;
        self.rows += data.rows as u64;
        self.entries += data.entries as u64;
        self.nulls += data.nulls as u64;
        let page_type = match self.version {
            Version::One => PageType::DATA_PAGE,
            Version::Two => PageType::DATA_PAGE_V2,
        };
        match self.encodings.last_mut() {
            Some(last) if last.encoding == data.encoding => last.count += 1,
            _ => self.encodings.push(PageEncodingStats { page_type, encoding: data.encoding, count: 1 }),
        }
        if let Some(index) = &mut self.index {
            let length = self.pages.bytes - start;
            let DataPage { rows, nulls, bounds, .. } = data;
            let is_null = nulls == data.entries;
            index.push(Indexed { start, length, rows, nulls, is_null, bounds });
        }
        Ok(())
    }

    /// Levels and values are compressed together; the levels' length stands before them.
    fn page_version1(
        &self,
        data: &DataPage,
        compressor: &mut Compressor,
        room: &mut Vec<u8>,
    ) -> Result<(Page, usize)> {
        for (levels, width) in self.levels(data) {
            let start = room.len();
            room.extend_from_slice(&[0; 4]);
            write_levels(data, levels, width, room);
            let length = (room.len() - start) as u32 - 4;
            room[start..start + 4].copy_from_slice(&length.to_le_bytes());
        }
        room.extend_from_slice(data.values);
        let page = Page::DataPage {
            buf: Bytes::copy_from_slice(compressor.compress(room)?),
            num_values: data.entries as u32,
            encoding: data.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        Ok((page, room.len()))
    }

    /// Only the values are compressed, and only if that makes them shorter.
    fn page_version2(
        &self,
        data: &DataPage,
        compressor: &mut Compressor,
        room: &mut Vec<u8>,
    ) -> Result<(Page, usize)> {
        let mut lengths = [0; 2];
        for ((levels, width), length) in self.levels(data).zip(&mut lengths) {
            let start = room.len();
            write_levels(data, levels, width, room);
            *length = room.len() - start;
        }
        let levels = room.len();
        let repetition = if data.repetition.is_some() { lengths[0] } else { 0 };
        let compressed = compressor.compress(data.values)?;
        let is_compressed = compressed.len() < data.values.len();
        room.extend_from_slice(if is_compressed { compressed } else { data.values });
        let page = Page::DataPageV2 {
            buf: Bytes::copy_from_slice(room),
            num_values: data.entries as u32,
            encoding: data.encoding,
            num_nulls: data.nulls as u32,
            num_rows: data.rows as u32,
            def_levels_byte_len: (levels - repetition) as u32,
            rep_levels_byte_len: repetition as u32,
            is_compressed,
            statistics: None,
        };
        Ok((page, levels + data.values.len()))
    }

    /// The levels there are, with the bits that each takes.
    fn levels<'d>(&self, data: &DataPage<'d>) -> impl Iterator<Item = (&'d [u8], u32)> + use<'d> {
        let width = width_of(self.descriptor.max_def_level() as u64);
        let repetition = data.repetition.map(|levels| (levels, 1));
        repetition.into_iter().chain(data.definition.map(|levels| (levels, width)))
    }

    /// Closes the chunk and starts the next one. `dictionary`: how many values, and their PLAIN encoding.
    pub(super) fn close(
        &mut self,
        dictionary: Option<(usize, &[u8])>,
        bloom_filter: Option<Sbbf>,
        statistics: impl FnOnce(u64) -> Statistics,
        compressor: &mut Compressor,
    ) -> Result<Closed> {
        let mut pages = Pages::default();
        if let Some((values, texts)) = dictionary {
            let page = Page::DictionaryPage {
                buf: Bytes::copy_from_slice(compressor.compress(texts)?),
                num_values: values as u32,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            self.uncompressed += pages.write(page, texts.len())?;
            let page_type = PageType::DICTIONARY_PAGE;
            self.encodings.insert(0, PageEncodingStats { page_type, encoding: Encoding::PLAIN, count: 1 });
        }
        let dictionary_bytes = pages.bytes;
        pages.append(std::mem::take(&mut self.pages));
        let metadata = ColumnChunkMetaData::builder(self.descriptor.clone())
            .set_compression(compressor.name())
            .set_encodings(self.all_encodings())
            .set_page_encoding_stats(std::mem::take(&mut self.encodings))
            .set_num_values(std::mem::take(&mut self.entries) as i64)
            .set_total_compressed_size(pages.bytes as i64)
            .set_total_uncompressed_size(std::mem::take(&mut self.uncompressed))
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_data_page_offset(dictionary_bytes as i64)
            .set_statistics(statistics(std::mem::take(&mut self.nulls)))
            .build()?;
        let result = ColumnCloseResult {
            bytes_written: pages.bytes as u64,
            rows_written: std::mem::take(&mut self.rows),
            metadata,
            bloom_filter,
            column_index: self.column_index()?,
            offset_index: self.offset_index(dictionary_bytes),
        };
        self.index.iter_mut().for_each(Vec::clear);
        Ok(Closed { pages, result })
    }

    /// The bounds of the pages; none if a page has values without bounds.
    fn column_index(&self) -> Result<Option<ColumnIndexMetaData>> {
        let Some(pages) = &self.index else { return Ok(None) };
        let mut builder = ColumnIndexBuilder::new(self.descriptor.physical_type());
        for page in pages {
            let (least, largest) = match &page.bounds {
                Some(bounds) => bounds.plain.clone(),
                None if page.is_null => (Vec::new(), Vec::new()),
                None => return Ok(None),
            };
            builder.append(page.is_null, least, largest, page.nulls as i64);
        }
        builder.set_boundary_order(boundary_order(pages));
        builder.build().map(Some)
    }

    /// Where the pages lie behind a dictionary of so many bytes.
    fn offset_index(&self, dictionary_bytes: usize) -> Option<OffsetIndexMetaData> {
        let mut builder = OffsetIndexBuilder::new();
        for page in self.index.as_ref()? {
            builder.append_row_count(page.rows as i64);
            builder.append_offset_and_size((dictionary_bytes + page.start) as i64, page.length as i32);
        }
        Some(builder.build())
    }

    /// Each encoding once: those of pages, and that of the levels.
    fn all_encodings(&self) -> Vec<Encoding> {
        let mut encodings: Vec<_> = self.encodings.iter().map(|pages| pages.encoding).collect();
        encodings.push(Encoding::RLE);
        encodings.sort_unstable();
        encodings.dedup();
        encodings
    }
}

/// Writes levels. Those of a column without lists are known to be alike if all values are there, or none.
fn write_levels(data: &DataPage, levels: &[u8], width: u32, out: &mut Vec<u8>) {
    match levels.first() {
        Some(&first) if data.repetition.is_none() && (data.nulls == 0 || data.nulls == data.entries) => {
            one_run(first, levels.len(), width, out);
        }
        _ => runs_and_bits(levels, width, out),
    }
}

/// Whether the bounds of pages only grow, or only shrink. Pages without values do not matter.
fn boundary_order(pages: &[Indexed]) -> BoundaryOrder {
    let keys = || pages.iter().filter_map(|page| page.bounds.as_ref()).map(|bounds| &bounds.keys);
    match () {
        () if keys().is_sorted_by(|one, next| one.0 <= next.0 && one.1 <= next.1) => BoundaryOrder::ASCENDING,
        () if keys().is_sorted_by(|one, next| one.0 >= next.0 && one.1 >= next.1) => {
            BoundaryOrder::DESCENDING
        }
        () => BoundaryOrder::UNORDERED,
    }
}

/// Pages with their headers, one behind the other. Each has memory of its own: a buffer that grows with the chunk would
/// be copied again and again.
#[derive(Default)]
pub(super) struct Pages {
    pages: VecDeque<Bytes>,
    bytes: usize,
}

impl Pages {
    /// Appends a page with its header. Gives the page's bytes before compression, header included.
    fn write(&mut self, page: Page, uncompressed: usize) -> Result<i64> {
        let page = CompressedPage::new(page, uncompressed);
        let mut out = TrackedWrite::new(Vec::with_capacity(page.compressed_size() + HEADER_ROOM));
        let written = SerializedPageWriter::new(&mut out).write_page(page)?;
        let bytes = Bytes::from(out.into_inner()?);
        self.bytes += bytes.len();
        self.pages.push_back(bytes);
        Ok(written.uncompressed_size as i64)
    }

    fn append(&mut self, other: Pages) {
        self.pages.extend(other.pages);
        self.bytes += other.bytes;
    }
}

/// More than the header of a page takes.
const HEADER_ROOM: usize = 64;

/// The parquet crate copies the chunk from here into the file, from its start to its end.
impl ChunkReader for Pages {
    type T = PagesRead;

    fn get_read(&self, start: u64) -> Result<PagesRead> {
        let mut read = PagesRead(self.pages.clone());
        std::io::copy(&mut (&mut read).take(start), &mut std::io::sink())?;
        Ok(read)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.bytes as u64
    }
}

/// What is still to be read of pages.
pub(super) struct PagesRead(VecDeque<Bytes>);

impl Read for PagesRead {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.0.front().is_some_and(Bytes::is_empty) {
            self.0.pop_front();
        }
        let Some(page) = self.0.front_mut() else { return Ok(0) };
        let length = page.len().min(out.len());
        out[..length].copy_from_slice(&page.split_to(length));
        Ok(length)
    }
}

//! A column chunk in the making: pages in, and at the end the chunk's bytes and what the footer says of it.
//!
//! Readers want the dictionary page first, but it is known last; so data pages are compressed and kept until
//! the chunk is closed. The parquet crate writes the page headers, and puts closed chunks into the file
//! wherever their turn is.

use super::compression::Compressor;
use super::encoding::runs_and_bits;
use super::{Settings, Version};
use bytes::Bytes;
use parquet::basic::{Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// A chunk that is complete.
pub(super) struct Closed {
    pub(super) bytes: Bytes,
    pub(super) result: ColumnCloseResult,
}

/// The pages of a chunk so far.
pub(super) struct Chunk {
    descriptor: ColumnDescPtr,
    version: Version,
    compressor: Compressor,
    pages: TrackedWrite<Vec<u8>>,
    /// Bytes of all pages before compression, headers included.
    uncompressed: i64,
    rows: u64,
    nulls: u64,
    /// Data pages by encoding, in order of appearance.
    encodings: Vec<PageEncodingStats>,
    /// Room to put a page together in, and to compress it into.
    page: Vec<u8>,
}

/// What a data page is made from.
pub(super) struct DataPage<'a> {
    pub(super) rows: usize,
    pub(super) nulls: usize,
    /// For each row 1, or 0 if it has no value; only of columns that may be without.
    pub(super) present: Option<&'a [u8]>,
    pub(super) encoding: Encoding,
    /// The encoded values.
    pub(super) values: &'a [u8],
}

impl Chunk {
    pub(super) fn new(descriptor: ColumnDescPtr, settings: &Settings) -> Result<Self> {
        Ok(Chunk {
            descriptor,
            version: settings.version,
            compressor: Compressor::new(settings.compression)?,
            pages: TrackedWrite::new(Vec::new()),
            uncompressed: 0,
            rows: 0,
            nulls: 0,
            encodings: Vec::new(),
            page: Vec::new(),
        })
    }

    /// Appends a data page.
    pub(super) fn append(&mut self, data: &DataPage) -> Result<()> {
        let (page, uncompressed) = match self.version {
            Version::One => self.page_version1(data)?,
            Version::Two => self.page_version2(data)?,
        };
        self.uncompressed += write_page(&mut self.pages, page, uncompressed)?;
        self.rows += data.rows as u64;
        self.nulls += data.nulls as u64;
        let page_type = match self.version {
            Version::One => PageType::DATA_PAGE,
            Version::Two => PageType::DATA_PAGE_V2,
        };
        match self.encodings.last_mut() {
            Some(last) if last.encoding == data.encoding => last.count += 1,
            _ => self.encodings.push(PageEncodingStats { page_type, encoding: data.encoding, count: 1 }),
        }
        Ok(())
    }

    /// Levels and values are compressed together; the levels' length stands before them.
    fn page_version1(&mut self, data: &DataPage) -> Result<(Page, usize)> {
        self.page.clear();
        if let Some(present) = data.present {
            self.page.extend_from_slice(&[0; 4]);
            runs_and_bits(present, 1, &mut self.page);
            let length = self.page.len() as u32 - 4;
            self.page[..4].copy_from_slice(&length.to_le_bytes());
        }
        self.page.extend_from_slice(data.values);
        let page = Page::DataPage {
            buf: Bytes::copy_from_slice(self.compressor.compress(&self.page)?),
            num_values: data.rows as u32,
            encoding: data.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        Ok((page, self.page.len()))
    }

    /// Only the values are compressed, and only if that makes them shorter.
    fn page_version2(&mut self, data: &DataPage) -> Result<(Page, usize)> {
        self.page.clear();
        if let Some(present) = data.present {
            runs_and_bits(present, 1, &mut self.page);
        }
        let levels = self.page.len();
        let compressed = self.compressor.compress(data.values)?;
        let is_compressed = compressed.len() < data.values.len();
        self.page.extend_from_slice(if is_compressed { compressed } else { data.values });
        let page = Page::DataPageV2 {
            buf: Bytes::copy_from_slice(&self.page),
            num_values: data.rows as u32,
            encoding: data.encoding,
            num_nulls: data.nulls as u32,
            num_rows: data.rows as u32,
            def_levels_byte_len: levels as u32,
            rep_levels_byte_len: 0,
            is_compressed,
            statistics: None,
        };
        Ok((page, levels + data.values.len()))
    }

    /// Closes the chunk and starts the next one. `dictionary`: how many values, and their PLAIN encoding.
    pub(super) fn close(
        &mut self,
        dictionary: Option<(usize, &[u8])>,
        statistics: impl FnOnce(u64) -> Statistics,
    ) -> Result<Closed> {
        let mut pages = TrackedWrite::new(Vec::new());
        if let Some((values, texts)) = dictionary {
            let page = Page::DictionaryPage {
                buf: Bytes::copy_from_slice(self.compressor.compress(texts)?),
                num_values: values as u32,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            self.uncompressed += write_page(&mut pages, page, texts.len())?;
            let page_type = PageType::DICTIONARY_PAGE;
            self.encodings.insert(0, PageEncodingStats { page_type, encoding: Encoding::PLAIN, count: 1 });
        }
        let dictionary_bytes = pages.bytes_written();
        let data_pages = std::mem::replace(&mut self.pages, TrackedWrite::new(Vec::new())).into_inner()?;
        let bytes = [pages.into_inner()?, data_pages].concat();
        let metadata = ColumnChunkMetaData::builder(self.descriptor.clone())
            .set_compression(self.compressor.name())
            .set_encodings(self.all_encodings())
            .set_page_encoding_stats(std::mem::take(&mut self.encodings))
            .set_num_values(self.rows as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(std::mem::take(&mut self.uncompressed))
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_data_page_offset(dictionary_bytes as i64)
            .set_statistics(statistics(std::mem::take(&mut self.nulls)))
            .build()?;
        let result = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: std::mem::take(&mut self.rows),
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok(Closed { bytes: bytes.into(), result })
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

/// Appends a page with its header. Gives the page's bytes before compression, header included.
fn write_page(pages: &mut TrackedWrite<Vec<u8>>, page: Page, uncompressed: usize) -> Result<i64> {
    let written = SerializedPageWriter::new(pages).write_page(CompressedPage::new(page, uncompressed))?;
    Ok(written.uncompressed_size as i64)
}

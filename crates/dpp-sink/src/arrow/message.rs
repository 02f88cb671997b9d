//! Messages: what a stream consists of, and a file between its first and last bytes.
//!
//! ```text
//!  ff ff ff ff | length of header | header (flatbuffer), padded | buffers, each padded
//! ```
//! A file begins with `ARROW1` and ends with a footer, which says where each dictionary and batch is, its length, and
//! `ARROW1` again (Arrow columnar format, "Serialization and Interprocess Communication").

use super::Form;
use super::lane::Dictionary;
use super::open::Arrays;
use arrow_ipc::convert::{IpcSchemaEncoder, metadata_to_fb};
use arrow_ipc::writer::DictionaryTracker;
use arrow_ipc::{
    Block, BodyCompression, BodyCompressionArgs, Buffer, CompressionType, DictionaryBatch,
    DictionaryBatchArgs, FieldNode, Footer, FooterArgs, KeyValue, Message, MessageArgs, MessageHeader,
    MetadataVersion, RecordBatch, RecordBatchArgs,
};
use arrow_schema::Schema;
use flatbuffers::{FlatBufferBuilder, ForwardsUOffset, UnionWIPOffset, Vector, WIPOffset};
use std::io::{self, Write};

const MAGIC: &[u8; 6] = b"ARROW1";
const CONTINUATION: [u8; 4] = [0xFF; 4];

/// Headers and buffers begin at multiples of this, as the format recommends, so that a mapped file can be computed on.
const ALIGNMENT: usize = 64;

/// Messages on their way out.
pub(super) struct Messages<W> {
    out: W,
    /// How many bytes were written.
    position: usize,
    schema: Schema,
    is_compressed: bool,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
}

type Builder = FlatBufferBuilder<'static>;
type Metadata = WIPOffset<Vector<'static, ForwardsUOffset<KeyValue<'static>>>>;

impl<W: Write> Messages<W> {
    /// Writes what tells the format and the schema.
    pub(super) fn begin(out: W, schema: &Schema, form: Form, is_compressed: bool) -> io::Result<Self> {
        let (dictionaries, batches) = Default::default();
        let mut messages =
            Messages { out, position: 0, schema: schema.clone(), is_compressed, dictionaries, batches };
        if form == Form::File {
            messages.write(MAGIC)?;
            messages.pad()?;
        }
        let mut builder = Builder::new();
        let header = fields(schema, &mut builder).as_union_value();
        messages.message(builder, MessageHeader::Schema, header, None, &[])?;
        Ok(messages)
    }

    /// Writes words, or more of them.
    pub(super) fn dictionary(&mut self, id: i64, dictionary: &Dictionary) -> io::Result<()> {
        let Dictionary { words, is_delta } = dictionary;
        let mut builder = Builder::new();
        let data = Some(self.arrays(&[words], &mut builder));
        let header =
            DictionaryBatch::create(&mut builder, &DictionaryBatchArgs { id, data, isDelta: *is_delta });
        let header = header.as_union_value();
        let block = self.message(builder, MessageHeader::DictionaryBatch, header, None, &[words])?;
        self.dictionaries.push(block);
        Ok(())
    }

    /// Writes a record batch of these columns.
    pub(super) fn batch(&mut self, columns: &[&Arrays], metadata: &[(String, String)]) -> io::Result<()> {
        let mut builder = Builder::new();
        let header = self.arrays(columns, &mut builder).as_union_value();
        let metadata = pairs(metadata, &mut builder);
        let block = self.message(builder, MessageHeader::RecordBatch, header, metadata, columns)?;
        self.batches.push(block);
        Ok(())
    }

    /// Writes the end of a stream.
    pub(super) fn end_stream(mut self) -> io::Result<W> {
        self.write(&CONTINUATION)?;
        self.write(&0u32.to_le_bytes())?;
        Ok(self.out)
    }

    /// Writes the end of a file.
    pub(super) fn end_file(mut self, metadata: &[(String, String)]) -> io::Result<W> {
        self.write(&CONTINUATION)?;
        self.write(&0u32.to_le_bytes())?;
        let mut builder = Builder::new();
        let footer = FooterArgs {
            version: MetadataVersion::V5,
            schema: Some(fields(&self.schema, &mut builder)),
            dictionaries: Some(builder.create_vector(&self.dictionaries)),
            recordBatches: Some(builder.create_vector(&self.batches)),
            custom_metadata: pairs(metadata, &mut builder),
        };
        let footer = Footer::create(&mut builder, &footer);
        builder.finish(footer, None);
        let footer = builder.finished_data();
        self.write(footer)?;
        self.write(&(footer.len() as u32).to_le_bytes())?;
        self.write(MAGIC)?;
        Ok(self.out)
    }

    /// Hands on what the writer holds back.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The header of a batch: which nodes and buffers its columns have.
    fn arrays(&self, columns: &[&Arrays], builder: &mut Builder) -> WIPOffset<RecordBatch<'static>> {
        let nodes = columns.iter().flat_map(|column| &column.nodes);
        let nodes: Vec<_> = nodes.map(|&(rows, nulls)| FieldNode::new(rows as i64, nulls as i64)).collect();
        let mut start = 0;
        let buffers = columns.iter().flat_map(|column| &column.buffers).map(|bytes| {
            let buffer = Buffer::new(start as i64, bytes.len() as i64);
            start += padded(bytes.len());
            buffer
        });
        let buffers: Vec<_> = buffers.collect();
        let codec = BodyCompressionArgs { codec: CompressionType::ZSTD, ..Default::default() };
        let batch = RecordBatchArgs {
            length: columns.first().map_or(0, |first| first.rows as i64),
            nodes: Some(builder.create_vector(&nodes)),
            buffers: Some(builder.create_vector(&buffers)),
            compression: self.is_compressed.then(|| BodyCompression::create(builder, &codec)),
            variadicBufferCounts: None,
        };
        RecordBatch::create(builder, &batch)
    }

    /// Writes a message, and says where it is.
    fn message(
        &mut self,
        mut builder: Builder,
        header_type: MessageHeader,
        header: WIPOffset<UnionWIPOffset>,
        custom_metadata: Option<Metadata>,
        columns: &[&Arrays],
    ) -> io::Result<Block> {
        let buffers = || columns.iter().flat_map(|column| &column.buffers);
        let length: usize = buffers().map(|bytes| padded(bytes.len())).sum();
        let message = MessageArgs {
            version: MetadataVersion::V5,
            header_type,
            header: Some(header),
            bodyLength: length as i64,
            custom_metadata,
        };
        let message = Message::create(&mut builder, &message);
        builder.finish(message, None);
        let header = builder.finished_data();
        let (start, prefix) = (self.position, CONTINUATION.len() + size_of::<u32>());
        let header_length = padded(start + prefix + header.len()) - start;
        self.write(&CONTINUATION)?;
        self.write(&((header_length - prefix) as u32).to_le_bytes())?;
        self.write(header)?;
        self.pad()?;
        for bytes in buffers() {
            self.write(bytes)?;
            self.pad()?;
        }
        Ok(Block::new(start as i64, header_length as i32, length as i64))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len();
        self.out.write_all(bytes)
    }

    fn pad(&mut self) -> io::Result<()> {
        self.write(&[0; ALIGNMENT][..padded(self.position) - self.position])
    }
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT)
}

fn fields(schema: &Schema, builder: &mut Builder) -> WIPOffset<arrow_ipc::Schema<'static>> {
    // It numbers the dictionaries.
    let mut tracker = DictionaryTracker::new(false);
    IpcSchemaEncoder::new().with_dictionary_tracker(&mut tracker).schema_to_fb_offset(builder, schema)
}

fn pairs(metadata: &[(String, String)], builder: &mut Builder) -> Option<Metadata> {
    (!metadata.is_empty()).then(|| metadata_to_fb(builder, &metadata.iter().cloned().collect()))
}

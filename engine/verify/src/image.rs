//! What a machine's disk holds, looked at from outside: no code of recovery is involved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{Pos, SegmentNo};
use roundhouse_runtime::sim::Node;
use roundhouse_store::format::{FrameHeader, FrameKind, Quorum, Superblock, header_hash};

use crate::scene::DIRECTORY;

/// The files of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

/// An intact frame where it lies.
#[derive(Clone, Debug)]
pub struct PlacedFrame {
    /// The slot file.
    pub file: PathBuf,
    /// Its first byte there.
    pub at: u64,
    /// What it says.
    pub header: FrameHeader,
    /// What its successor names as its predecessor.
    pub hash: u64,
}

impl Image {
    /// What `node` has on stable storage now.
    pub fn take(node: &Node) -> Image {
        let content = |path: PathBuf| (path.clone(), node.read_file(path));
        Image { files: node.files().into_iter().map(content).collect() }
    }

    /// What a program on `node` would read: after the death of a process also what it wrote and never
    /// made durable, and not what that lies above.
    pub fn take_visible(node: &Node) -> Image {
        let content = |path: PathBuf| (path.clone(), node.read_visible_file(path));
        Image { files: node.visible_files().into_iter().map(content).collect() }
    }

    /// Makes the files of `node`, which must be down, what they were.
    pub fn restore(&self, node: &Node) {
        for path in node.files().iter().filter(|path| !self.files.contains_key(*path)) {
            node.remove_file(path);
        }
        for (path, content) in &self.files {
            node.write_file(path, content);
        }
    }

    /// The content of a file.
    pub fn file(&self, path: &Path) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// The same with zeros in the block of a byte of a file: what is left to read if it cannot be read.
    pub fn with_blank_block(&self, path: &Path, byte: u64) -> Image {
        let mut image = self.clone();
        if let Some(content) = image.files.get_mut(path) {
            let block = byte as usize / BLOCK_BYTES * BLOCK_BYTES;
            content[block..block + BLOCK_BYTES].fill(0);
        }
        image
    }

    /// The slot files by name.
    pub fn slots(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        let is_slot = |path: &Path| {
            let name = path.file_name().map(|name| name.to_string_lossy());
            path.parent() == Some(Path::new(DIRECTORY))
                && name.is_some_and(|name| name.starts_with("wal-"))
        };
        let files = self.files.iter().map(|(path, content)| (path.as_path(), content.as_slice()));
        files.filter(move |(path, _)| is_slot(path))
    }

    /// The copies in quarantine.
    pub fn quarantine(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        let directory = Path::new(DIRECTORY).join("quarantine");
        let files = self.files.iter().map(|(path, content)| (path.as_path(), content.as_slice()));
        files.filter(move |(path, _)| path.starts_with(&directory))
    }

    /// The superblock, if two copies of it agree.
    pub fn superblock(&self) -> Option<Superblock> {
        let file = self.file(&Path::new(DIRECTORY).join("superblock"))?;
        Quorum::choose(file).ok().map(|quorum| quorum.superblock)
    }

    /// Whether `frame` is in its place as in `other`.
    pub fn holds(&self, other: &Image, frame: &PlacedFrame) -> bool {
        let range = frame.at as usize..frame.at as usize + frame.header.frame_bytes as usize;
        let bytes = |image: &Image| {
            image.file(&frame.file).and_then(|file| file.get(range.clone())).map(<[u8]>::to_vec)
        };
        bytes(self).is_some() && bytes(self) == bytes(other)
    }

    /// Every intact frame at its place, whatever its epoch, by position and epoch.
    pub fn frames(&self) -> Vec<PlacedFrame> {
        let Some(superblock) = self.superblock() else { return Vec::new() };
        let mut frames = Vec::new();
        for (path, content) in self.slots() {
            for at in (0..content.len()).step_by(BLOCK_BYTES) {
                let frame = intact_frame(&superblock, &content[at..]);
                let in_slot = |header: &FrameHeader| header.pos.in_slot(superblock.slot_bytes);
                if let Some(header) = frame.filter(|header| in_slot(header) == at as u64)
                    && let Some(bytes) = content[at..].first_chunk()
                {
                    let (file, hash) = (path.to_owned(), header_hash(bytes));
                    frames.push(PlacedFrame { file, at: at as u64, header, hash });
                }
            }
        }
        frames.sort_by_key(|frame| (frame.header.pos, frame.header.epoch));
        frames
    }

    /// The intact frames that end at `end`, each followed by the next by the chain of their headers,
    /// in the order of the log.
    pub fn chained_frames(&self, end: Pos) -> Vec<PlacedFrame> {
        let Some(superblock) = self.superblock() else { return Vec::new() };
        let slot_bytes = superblock.slot_bytes;
        // What follows a seal begins the next segment.
        let end_of = |header: &FrameHeader| match header.kind {
            FrameKind::Seal => header.pos.segment(slot_bytes).next().base(slot_bytes),
            _ => header.end(),
        };
        let mut chained: Vec<PlacedFrame> = Vec::new();
        for frame in self.frames().into_iter().rev() {
            let follows = match chained.last() {
                Some(next) => {
                    next.header.prev_hash == frame.hash && next.header.pos == end_of(&frame.header)
                }
                None => end_of(&frame.header) == end,
            };
            if follows {
                chained.push(frame);
            }
        }
        chained.reverse();
        chained
    }

    /// The highest position that an intact frame proves to have been durable. A frame of an epoch
    /// that ended counts only below the place where the current one began; one of an epoch that the
    /// superblock does not know of shows that the superblock is an old one. What a misdirected write
    /// put into the file of another segment tells nobody anything, nor do the frames of a segment
    /// that nothing leads to: neither an intact head, also one that the disk wrote to another file, nor
    /// a frame of the segment before.
    pub fn proven_upto(&self) -> Pos {
        let Some(superblock) = self.superblock() else { return Pos(0) };
        let slot_bytes = superblock.slot_bytes;
        let frames = self.frames();
        let is_head = |frame: &&PlacedFrame| frame.header.kind == FrameKind::Head;
        let heads: Vec<&PlacedFrame> = frames.iter().filter(is_head).collect();
        let has_head = |frame: &PlacedFrame| {
            let segment = frame.header.pos.segment(slot_bytes);
            let is_of = |head: &&PlacedFrame| head.header.pos.segment(slot_bytes) == segment;
            heads.iter().any(|head| head.file == frame.file && is_of(head))
        };
        let is_at_home = |frame: &&PlacedFrame| {
            let segment = frame.header.pos.segment(slot_bytes);
            let names_it = |other: &PlacedFrame| {
                let slot = other.header.next_slot.map(|slot| format!("wal-{:08}", slot.0));
                slot.is_some_and(|name| frame.file.ends_with(name))
                    && other.header.pos.segment(slot_bytes).next() == segment
                    && has_head(other)
            };
            let is_first = heads.is_empty() && segment == SegmentNo(0);
            let newest = heads.last().filter(|head| head.header.pos.segment(slot_bytes) == segment);
            let is_of_strayed = newest.is_some_and(|head| follow(&frames, head, &frame.file));
            is_first || is_of_strayed || has_head(frame) || frames.iter().any(names_it)
        };
        let counts = |frame: &&PlacedFrame| {
            frame.header.pos < superblock.epoch_start || frame.header.epoch >= superblock.epoch
        };
        let counting = frames.iter().filter(counts).filter(is_at_home);
        counting.map(|frame| frame.header.durable_upto).max().unwrap_or_default()
    }
}

/// Whether a frame in `file`, and none in its own, continues the log behind `head`.
fn follow(frames: &[PlacedFrame], head: &PlacedFrame, file: &Path) -> bool {
    let follows = |frame: &&PlacedFrame| {
        frame.header.pos == head.header.end() && frame.header.prev_hash == head.hash
    };
    let mut followers = frames.iter().filter(follows);
    followers.clone().all(|frame| frame.file != head.file)
        && followers.any(|frame| frame.file == file)
}

fn intact_frame(superblock: &Superblock, bytes: &[u8]) -> Option<FrameHeader> {
    let salts = superblock.salts();
    let header = FrameHeader::decode(bytes, &salts).ok()?;
    header.check_payload(bytes, &salts).ok()?;
    Some(header)
}

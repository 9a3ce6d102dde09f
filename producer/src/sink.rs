//! Where records go: a log, a file of lines, or standard output.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::report::Deliveries;
use crate::source::Record;

/// Takes records one after the other.
pub trait Sink {
    /// Takes one record, and waits while there is no room for it.
    ///
    /// # Errors
    /// The sink takes no more; what it took before is still finished by [`Sink::finish`].
    fn send(&mut self, record: &Record) -> Result<(), SinkError>;

    /// Lets go of what it holds back, because the run pauses now.
    ///
    /// # Errors
    /// As for [`Sink::send`].
    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Waits until everything taken is safe or lost, and says which.
    ///
    /// # Errors
    /// The end cannot be written.
    fn finish(&mut self) -> Result<Deliveries, SinkError>;
}

/// Why a sink takes no more.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Someone must change a setting.
    #[error("{0}")]
    Misconfigured(String),
    #[error(
        "{size} bytes is more than the topic takes in one record: shorten it, or raise message.max.bytes on the topic and here (--kafka message.max.bytes=BYTES)"
    )]
    TooLarge { size: usize },
    #[error("{0}")]
    Broken(String),
    #[error("cannot write {name}: {source}")]
    Write { name: String, source: io::Error },
    /// Whoever read our output has seen enough.
    #[error("nobody reads the output any more")]
    Closed,
}

/// A line for each record on standard output, or on whatever else takes bytes.
pub struct LineSink<W: Write> {
    out: BufWriter<W>,
    name: String,
    written: u64,
}

impl<W: Write> LineSink<W> {
    /// `name` is what messages call it.
    pub fn new(out: W, name: &str) -> Self {
        Self { out: BufWriter::with_capacity(1 << 18, out), name: name.to_owned(), written: 0 }
    }

    fn error(&self, source: io::Error) -> SinkError {
        if source.kind() == io::ErrorKind::BrokenPipe {
            return SinkError::Closed;
        }
        SinkError::Write { name: self.name.clone(), source }
    }
}

impl<W: Write> Sink for LineSink<W> {
    fn send(&mut self, record: &Record) -> Result<(), SinkError> {
        let written = self.out.write_all(&record.value).and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|source| self.error(source))?;
        self.written += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(|source| self.error(source))
    }

    fn finish(&mut self) -> Result<Deliveries, SinkError> {
        self.flush()?;
        Ok(Deliveries { acknowledged: self.written, ..Deliveries::default() })
    }
}

/// A file of lines that appears under its name only when it is complete and on disk.
pub struct FileSink {
    lines: LineSink<File>,
    file: NewFile,
    /// A record was written in part: the file must not appear.
    torn: bool,
}

impl FileSink {
    /// # Errors
    /// The folder does not exist or cannot be written to.
    pub fn create(path: &Path) -> Result<Self, SinkError> {
        let name = path.display().to_string();
        let (file, handle) = NewFile::create(path).map_err(|source| SinkError::Write { name: name.clone(), source })?;
        Ok(Self { lines: LineSink::new(handle, &name), file, torn: false })
    }
}

impl Sink for FileSink {
    fn send(&mut self, record: &Record) -> Result<(), SinkError> {
        self.lines.send(record).inspect_err(|_| self.torn = true)
    }

    fn finish(&mut self) -> Result<Deliveries, SinkError> {
        if self.torn {
            return Ok(Deliveries { failed: self.lines.written, ..Deliveries::default() });
        }
        let deliveries = self.lines.finish()?;
        let published = self.lines.out.get_ref().sync_all().and_then(|()| self.file.publish());
        published.map_err(|source| self.lines.error(source))?;
        Ok(deliveries)
    }
}

/// A file that is being written under another name beside its own, and is removed unless it is published.
pub struct NewFile {
    path: PathBuf,
    temporary: Option<PathBuf>,
}

impl NewFile {
    /// The file and the handle to write it through.
    ///
    /// # Errors
    /// The folder does not exist or cannot be written to, or the name is a folder's.
    pub fn create(path: &Path) -> io::Result<(Self, File)> {
        let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(temporary);
        let handle = File::create(&temporary)?;
        Ok((Self { path: path.to_owned(), temporary: Some(temporary) }, handle))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn publish(&mut self) -> io::Result<()> {
        match self.temporary.take() {
            Some(temporary) => fs::rename(&temporary, &self.path).inspect_err(|_| self.temporary = Some(temporary)),
            None => Ok(()),
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // There is nobody left to tell.
            let _ = fs::remove_file(temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: &str) -> Record {
        let mut record = Record::default();
        record.value.extend_from_slice(value.as_bytes());
        record
    }

    #[test]
    fn a_file_appears_when_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        let mut sink = FileSink::create(&path).unwrap();
        sink.send(&record("{}")).unwrap();
        sink.send(&record("[]")).unwrap();
        assert!(!path.exists());
        assert_eq!(sink.finish().unwrap().acknowledged, 2);
        drop(sink);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n[]\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_given_up_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        fs::write(&path, "before").unwrap();
        let mut sink = FileSink::create(&path).unwrap();
        sink.send(&record("{}")).unwrap();
        drop(sink);
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = FileSink::create(Path::new("/nowhere/events.ndjson")).err().unwrap();
        assert!(error.to_string().starts_with("cannot write /nowhere/events.ndjson"), "{error}");
        assert!(FileSink::create(Path::new("/")).is_err());
    }

    #[test]
    fn a_reader_that_leaves_is_no_error_of_ours() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sink = LineSink::new(Gone, "standard output");
        sink.send(&record("{}")).unwrap();
        assert!(matches!(sink.finish(), Err(SinkError::Closed)));
    }
}

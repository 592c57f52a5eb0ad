//! The front of a connection: answers what can be answered at once, and lends the rest to the
//! library.
//!
//! Owns the stream and where on it one request ends and the next begins. A head that [`Rest`] can
//! answer never reaches the HTTP library; any other request is lent to it, its exact bytes and no
//! more, and the stream is the front's again when the answer is out. Once it is in doubt where a
//! request ends, the library has the stream for good. Must not know what a request asks for.

use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use jeton_rest::front::Moment;
use jeton_rest::rest::Rest;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::extent::extent;
use super::pulse::{Phase, Pulse};

/// A stream, and whose turn it is to read it.
#[derive(Debug)]
pub(crate) struct Front<S> {
    stream: S,
    pulse: Arc<Pulse>,
    head_bytes_max: usize,
    turn: Turn,
    /// What was read and belongs to nobody yet.
    input: BytesMut,
    /// Whether heads may stand in the input that were not looked at.
    is_fresh: bool,
    /// Answers, of which some bytes were sent.
    output: Vec<u8>,
    sent: usize,
    moment: Moment,
    /// Whether the library's last word to the stream was a flush that was done.
    is_flushed: bool,
    is_ending: bool,
    /// How the stream ended, if the front saw it first.
    end: Option<io::Result<()>>,
    lingered: usize,
}

/// Who reads the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The front: everything before is answered, and the answers are out.
    Front,
    /// The library, until one request of which so many bytes are left is answered.
    Library { owed: u64 },
    /// The library, for good.
    Through,
}

/// What a head comes to.
enum Look {
    /// It is answered.
    Answered(usize),
    /// It is not complete.
    Partial,
    /// The library has its turn.
    Lend(Turn),
}

/// The front, which one task alone ever locks.
pub(crate) fn locked<S>(front: &Mutex<Front<S>>) -> MutexGuard<'_, Front<S>> {
    front.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S> Front<S> {
    pub(crate) fn new(stream: S, pulse: Arc<Pulse>, head_bytes_max: usize) -> Self {
        Self {
            stream,
            pulse,
            head_bytes_max,
            turn: Turn::Front,
            input: BytesMut::new(),
            is_fresh: false,
            output: Vec::new(),
            sent: 0,
            moment: Moment::new(),
            is_flushed: false,
            is_ending: false,
            end: None,
            lingered: 0,
        }
    }

    /// Answers nothing more than what is under way.
    pub(crate) const fn end(&mut self) {
        self.is_ending = true;
    }

    /// Whether the client has left answers unread for so long that no more of them fit the socket.
    pub(crate) const fn has_unsent(&self) -> bool {
        !self.output.is_empty()
    }

    /// Takes the stream back if the request that was lent is answered and the answer is out.
    pub(crate) fn take_back(&mut self) -> bool {
        let is_done = self.turn == Turn::Library { owed: 0 }
            && self.is_flushed
            && self.pulse.phase() == Phase::Idle;
        if is_done {
            self.turn = Turn::Front;
            self.is_fresh = !self.input.is_empty();
        }
        is_done
    }

    /// Answers heads from the start of `bytes` on; how many bytes were answered.
    fn look(&mut self, bytes: &[u8], rest: &Rest, heads_left: &mut u32) -> usize {
        // After the bytes came, before anything is looked up for them.
        rest.observe(&mut self.moment);
        self.is_fresh = false;
        let mut left = bytes;
        while !left.is_empty() {
            if *heads_left == 0 || self.output.len() > OUTPUT_BYTES_MAX {
                self.is_fresh = true;
                break;
            }
            match self.look_at_one(left, rest) {
                Look::Answered(length) => {
                    *heads_left = heads_left.saturating_sub(1);
                    self.pulse.idle();
                    left = left.get(length..).unwrap_or_default();
                }
                Look::Partial => {
                    self.pulse.bytes_came();
                    if left.len() >= self.head_bytes_max {
                        self.turn = Turn::Through;
                    }
                    break;
                }
                Look::Lend(turn) => {
                    self.pulse.bytes_came();
                    self.is_flushed = false;
                    self.turn = turn;
                    break;
                }
            }
        }
        bytes.len().saturating_sub(left.len())
    }

    fn look_at_one(&mut self, bytes: &[u8], rest: &Rest) -> Look {
        // As many as the library takes, by the parser that the library has.
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut head = httparse::Request::new(&mut []);
        let length = match head.parse_with_uninit_headers(bytes, &mut headers) {
            Ok(httparse::Status::Complete(length)) if length <= self.head_bytes_max => length,
            Ok(httparse::Status::Partial) => return Look::Partial,
            Ok(httparse::Status::Complete(_)) | Err(_) => return Look::Lend(Turn::Through),
        };
        let before = self.output.len();
        let (moment, output) = (&self.moment, &mut self.output);
        let answer = AssertUnwindSafe(|| rest.answer_at_once(&head, moment, output));
        match catch_unwind(answer) {
            Ok(true) => return Look::Answered(length),
            Ok(false) => {}
            Err(_) => self.output.truncate(before),
        }
        let owed = extent(&head, length);
        Look::Lend(owed.map_or(Turn::Through, |owed| Turn::Library { owed }))
    }

    /// Moves input to the library.
    fn give(&mut self, bytes_max: usize, buffer: &mut ReadBuf<'_>) -> usize {
        let length = bytes_max.min(self.input.len()).min(buffer.remaining());
        if let Some(bytes) = self.input.get(..length) {
            buffer.put_slice(bytes);
        }
        self.input.advance(length);
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        length
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Front<S> {
    /// Answers what comes; ready when it is the library's turn.
    pub(crate) fn poll_attend(&mut self, context: &mut Context<'_>, rest: &Rest) -> Poll<()> {
        if let Err(error) = ready!(self.poll_answer(context, rest)) {
            self.pass_on(Err(error));
        }
        Poll::Ready(())
    }

    fn poll_answer(&mut self, context: &mut Context<'_>, rest: &Rest) -> Poll<io::Result<()>> {
        let mut heads_left = HEADS_MAX;
        loop {
            // Nothing more is read before the answers are out.
            ready!(self.poll_send(context))?;
            if self.is_ending && self.turn == Turn::Front {
                self.turn = Turn::Through;
            }
            if self.turn != Turn::Front {
                return Poll::Ready(Ok(()));
            }
            if heads_left == 0 {
                // Others have their turn before this connection goes on.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.is_fresh {
                self.look_at_input(rest, &mut heads_left);
                continue;
            }
            let mut scratch = [MaybeUninit::uninit(); READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            match buffer.filled() {
                [] => self.pass_on(Ok(())),
                bytes if self.input.is_empty() => {
                    let answered = self.look(bytes, rest, &mut heads_left);
                    self.input.extend_from_slice(bytes.get(answered..).unwrap_or_default());
                }
                bytes => {
                    let before = self.input.len();
                    self.input.extend_from_slice(bytes);
                    let is_too_long = self.input.len() >= self.head_bytes_max;
                    if is_too_long || may_end_a_head(&self.input, before) {
                        self.look_at_input(rest, &mut heads_left);
                    }
                }
            }
        }
    }

    fn look_at_input(&mut self, rest: &Rest, heads_left: &mut u32) {
        let mut input = std::mem::take(&mut self.input);
        let answered = self.look(&input, rest, heads_left);
        input.advance(answered);
        if !input.is_empty() {
            self.input = input;
        }
    }

    /// The stream ended: the library is to see it.
    fn pass_on(&mut self, end: io::Result<()>) {
        self.turn = Turn::Through;
        self.end = Some(end);
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while let Some(bytes) = self.output.get(self.sent..).filter(|bytes| !bytes.is_empty()) {
            let length = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent = self.sent.saturating_add(length);
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.sent = 0;
        if self.output.capacity() > OUTPUT_BYTES_KEPT {
            self.output = Vec::new();
        } else {
            self.output.clear();
        }
        Poll::Ready(Ok(()))
    }

    /// Reads on behalf of the library: of one request, or of all that comes.
    pub(crate) fn poll_lend(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.turn {
            // The library has nothing to do before its turn comes.
            Turn::Front => Poll::Pending,
            Turn::Library { owed: 0 } => self.poll_hang_up(context),
            Turn::Library { owed } => self.poll_lend_one(context, buffer, owed),
            Turn::Through if !self.input.is_empty() => {
                self.give(usize::MAX, buffer);
                Poll::Ready(Ok(()))
            }
            Turn::Through => {
                if let Some(end) = &mut self.end {
                    // An error is told once.
                    return Poll::Ready(std::mem::replace(end, Ok(())));
                }
                let before = buffer.filled().len();
                let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
                if buffer.filled().len() > before {
                    self.pulse.bytes_came();
                }
                polled
            }
        }
    }

    fn poll_lend_one(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        owed: u64,
    ) -> Poll<io::Result<()>> {
        let owed_here = usize::try_from(owed).unwrap_or(usize::MAX);
        let length = if !self.input.is_empty() {
            self.give(owed_here, buffer)
        } else if buffer.remaining() <= owed_here {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            buffer.filled().len().saturating_sub(before)
        } else {
            let mut scratch = [MaybeUninit::uninit(); READ_BYTES];
            let scratch = scratch.get_mut(..owed_here.min(READ_BYTES)).unwrap_or_default();
            let mut part = ReadBuf::uninit(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
            buffer.put_slice(part.filled());
            part.filled().len()
        };
        let owed = owed.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
        self.turn = Turn::Library { owed };
        Poll::Ready(Ok(()))
    }

    /// With its answer out, the library watches for the next request or the end of the stream. What
    /// comes is kept; with something kept, nothing more is read.
    fn poll_hang_up(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.input.is_empty() {
            return Poll::Pending;
        }
        let mut scratch = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut scratch);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.input.extend_from_slice(buffer.filled());
        Poll::Pending
    }

    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.note_write();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.note_write();
        if slices.iter().map(|slice| slice.len()).sum::<usize>() > GATHERED_BYTES_MAX {
            return Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        }
        // A head and a short body: one piece costs the system less than two.
        let mut scratch = [MaybeUninit::uninit(); GATHERED_BYTES_MAX];
        let mut gathered = ReadBuf::uninit(&mut scratch);
        for slice in slices {
            gathered.put_slice(slice);
        }
        Pin::new(&mut self.stream).poll_write(context, gathered.filled())
    }

    fn note_write(&mut self) {
        self.is_flushed = false;
        if self.pulse.phase() == Phase::Head {
            // An answer to a head that is still under way: it is refused.
            self.pulse.leave_unread();
        }
    }

    pub(crate) fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.is_flushed = matches!(polled, Poll::Ready(Ok(())));
        polled
    }

    /// Closes the stream. Where an answer leaves a body or a head unread, it is closed in one
    /// direction first and read on for a while: a socket that is closed with unread bytes would
    /// take the answer back.
    pub(crate) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.pulse.phase() != Phase::Lingering {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            if !self.pulse.has_left_unread() {
                return Poll::Ready(Ok(()));
            }
            self.pulse.linger();
        }
        let mut scratch = [MaybeUninit::uninit(); READ_BYTES];
        while self.lingered < LINGER_BYTES_MAX {
            let mut buffer = ReadBuf::uninit(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 => break,
                length => self.lingered = self.lingered.saturating_add(length),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Whether an empty line may end among the bytes from `from` on.
fn may_end_a_head(bytes: &[u8], from: usize) -> bool {
    let bytes = bytes.get(from.saturating_sub(3)..).unwrap_or_default();
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// Heads that are answered on one connection before others have their turn.
const HEADS_MAX: u32 = 32;
/// Headers of the largest head that the library takes.
const HEADERS_MAX: usize = 100;
/// Bytes that are read at once.
const READ_BYTES: usize = 8 * 1024;
/// Answers are sent before they take more than this, and one answer.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// Room for answers that an idle connection keeps.
const OUTPUT_BYTES_KEPT: usize = 2 * 1024;
/// What the library writes in pieces is written as one when it takes no more than this.
const GATHERED_BYTES_MAX: usize = 4 * 1024;
/// Bytes of an unread body that are thrown away before the connection is cut.
const LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;

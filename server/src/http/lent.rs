//! The stream of a connection as the HTTP library sees it.
//!
//! Owns nothing: the front owns the stream and lends it a request at a time.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::front::{Front, locked};

/// The library's share of a stream. The lock is never contended: one task has both sides.
#[derive(Debug)]
pub(crate) struct Lent<S> {
    front: Arc<Mutex<Front<S>>>,
}

impl<S> Lent<S> {
    pub(crate) const fn new(front: Arc<Mutex<Front<S>>>) -> Self {
        Self { front }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        locked(&self.front).poll_lend(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        locked(&self.front).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        locked(&self.front).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        locked(&self.front).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        locked(&self.front).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        locked(&self.front).is_write_vectored()
    }
}

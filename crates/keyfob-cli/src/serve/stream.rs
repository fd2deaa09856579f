//! A connection whose client has to take what it is sent.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// A client that takes this much within the timeout is waited for again.
pub(super) const PIECE: usize = 16 << 10;

/// A stream whose writes end with an error where the other side takes less than 16 KiB within a time.
///
/// Without it a client that doesn't read holds an answer of any size for ever.
#[derive(Debug)]
pub(super) struct Timed<S> {
    stream: S,
    timeout: Duration,
    /// Runs while something waits to be taken.
    timer: Option<Pin<Box<Sleep>>>,
    /// The bytes that were taken since the timer was set.
    taken: usize,
}

impl<S> Timed<S> {
    pub(super) fn new(stream: S, timeout: Duration) -> Self {
        Self {
            stream,
            timeout,
            timer: None,
            taken: 0,
        }
    }

    /// Looks at the timer while the other side takes nothing.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(self.timeout)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn progress(&mut self, bytes: usize) {
        self.taken += bytes;
        if self.taken >= PIECE {
            self.taken = 0;
            if let Some(timer) = &mut self.timer {
                timer.as_mut().reset(Instant::now() + self.timeout);
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Pending => self.wait(cx),
            Poll::Ready(written) => {
                if let Ok(written) = written {
                    self.progress(written);
                }
                Poll::Ready(written)
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(cx, bytes) {
            Poll::Pending => self.wait(cx),
            Poll::Ready(written) => {
                if let Ok(written) = written {
                    self.progress(written);
                }
                Poll::Ready(written)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.wait(cx),
            Poll::Ready(flushed) => {
                // Everything is out.
                (self.timer, self.taken) = (None, 0);
                Poll::Ready(flushed)
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Pending => self.wait(cx),
            shut @ Poll::Ready(_) => shut,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_cut_after_the_time() {
        let (near, _far) = tokio::io::duplex(1024);
        let start = Instant::now();
        let mut timed = Timed::new(near, TIMEOUT);
        let error = timed.write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(
            (error.kind(), start.elapsed()),
            (io::ErrorKind::TimedOut, TIMEOUT)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_byte_at_a_time_is_cut_too() {
        let (near, mut far) = tokio::io::duplex(1024);
        let reading = tokio::spawn(async move {
            let mut byte = [0];
            while far.read(&mut byte).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let start = Instant::now();
        let mut timed = Timed::new(near, TIMEOUT);
        let error = timed.write_all(&vec![0; 1 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() < TIMEOUT * 2, "{:?}", start.elapsed());
        drop(timed);
        reading.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_its_pieces_in_time_gets_all_of_a_long_answer() {
        let (near, mut far) = tokio::io::duplex(1024);
        let reading = tokio::spawn(async move {
            let (mut piece, mut taken) = ([0; 1024], 0);
            loop {
                match far.read(&mut piece).await.unwrap() {
                    0 => return taken,
                    read => taken += read,
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let mut timed = Timed::new(near, TIMEOUT);
        timed.write_all(&vec![0; 100 << 10]).await.unwrap();
        timed.flush().await.unwrap();
        // An idle connection is nobody's stalled answer.
        tokio::time::sleep(TIMEOUT * 10).await;
        timed.write_all(&[0; 4096]).await.unwrap();
        drop(timed);
        assert_eq!(reading.await.unwrap(), (100 << 10) + 4096);
    }
}

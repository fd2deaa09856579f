//! Connections: taken from the pool, used for one call, and given back clean.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use deadpool_postgres::{Object, Pool};
use keyfob_store::StoreError;
use tokio_postgres::{Row, types::ToSql};

use crate::{
    error::{DatabaseError, Failure, PoolExhausted},
    sql::{Names, Param},
};

/// The time for which a call waits for a connection and for locks, where the caller sets no limit.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The time that a statement may take where the caller sets no limit, as with the removal of a tenant.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The time for which an answer is waited for beyond that of its statement.
const GRACE: Duration = Duration::from_secs(1);

/// The time for which the server keeps the locks of a transaction of which the client is gone.
const IDLE: Duration = Duration::from_secs(20);

/// A database with the store's tables.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pool: Pool,
    names: Arc<Names>,
}

impl Database {
    pub(crate) fn new(pool: Pool, names: Names) -> Self {
        Self {
            pool,
            names: Arc::new(names),
        }
    }

    /// Takes a connection from the pool, or makes one.
    pub(crate) async fn session(&self, deadline: Option<Instant>) -> Result<Session, Failure> {
        let client = tokio::time::timeout(time_left(deadline), self.pool.get()).await;
        match client {
            Ok(Ok(client)) => Ok(Session {
                client: Some(client),
                names: Arc::clone(&self.names),
                deadline,
                is_busy: false,
                is_open: false,
            }),
            Ok(Err(deadpool_postgres::PoolError::Backend(error))) => Err(error.into()),
            Ok(Err(error)) => Err(StoreError::unavailable(error.to_string()).into()),
            Err(_) => Err(StoreError::unavailable(PoolExhausted).into()),
        }
    }
}

/// The time up to a deadline, at most [`PATIENCE`].
fn time_left(deadline: Option<Instant>) -> Duration {
    deadline.map_or(PATIENCE, |deadline| {
        deadline.saturating_duration_since(Instant::now()).min(PATIENCE)
    })
}

/// A connection in use. One that is dropped in the middle of something is closed; the pool makes another.
pub(crate) struct Session {
    /// Always there until the session is dropped.
    client: Option<Object>,
    names: Arc<Names>,
    /// The instant at which what is asked ends unfinished.
    deadline: Option<Instant>,
    /// True while answers are waited for.
    is_busy: bool,
    /// True while a transaction is open.
    is_open: bool,
}

impl Session {
    pub(crate) fn client(&self) -> Result<&Object, Failure> {
        let gone = || Failure::Database(DatabaseError::new("the connection is gone"));
        self.client.as_ref().ok_or_else(gone)
    }

    /// Sends statements together and returns the rows of each: one round trip for all of them. Once one fails in a
    /// transaction, those after it fail as well.
    ///
    /// # Errors
    /// The first failure.
    pub(crate) async fn run(&mut self, statements: Vec<Statement<'_>>) -> Result<Vec<Vec<Row>>, Failure> {
        // Whoever drops the future leaves something under way.
        self.is_busy = true;
        // The server ends what takes too long, but for the preparation of a statement on a table that is being altered, and
        // unless it can't be reached any more. Then nobody knows what becomes of it, as with a connection that breaks.
        let given_up = |_| Failure::Database(DatabaseError::silent());
        let limit = statement_limit(self.deadline) + GRACE;
        let answered = tokio::time::timeout(limit, self.answers(statements)).await;
        let (answers, is_open) = answered.map_err(given_up)??;
        self.is_busy = false;
        self.is_open = is_open;
        Ok(answers.into_iter().collect::<Result<_, _>>()?)
    }

    /// Sends statements and waits for their answers. Says whether a transaction is open then.
    async fn answers(
        &self,
        statements: Vec<Statement<'_>>,
    ) -> Result<(Vec<Result<Vec<Row>, tokio_postgres::Error>>, bool), Failure> {
        let mut is_open = self.is_open;
        let client = self.client()?;
        let mut answers: Vec<Answer<'_>> = Vec::with_capacity(statements.len());
        for statement in statements {
            match statement {
                Statement::Query(template, params) => {
                    let sql = self.names.statement(template);
                    answers.push(ask(client, &sql, params).await?);
                }
                Statement::Made(template, params) => {
                    let sql = self.names.put_into(&template);
                    answers.push(ask(client, &sql, params).await?);
                }
                Statement::Once(template, params) => {
                    let prepared = client.prepare(&self.names.put_into(&template)).await?;
                    answers.push(execute(client, prepared, params));
                }
                Statement::Begin(sql) => {
                    is_open = true;
                    answers.push(Box::pin(batch(client, sql)));
                }
                Statement::Commit => {
                    is_open = false;
                    answers.push(Box::pin(batch(client, "COMMIT".to_owned())));
                }
                Statement::Batch(sql) => answers.push(Box::pin(batch(client, sql))),
            }
        }
        Ok((in_order(answers).await, is_open))
    }

    /// Runs one statement and returns its rows.
    pub(crate) async fn query(
        &mut self,
        template: &'static str,
        params: Vec<Param<'_>>,
    ) -> Result<Vec<Row>, Failure> {
        let rows = self.run(vec![Statement::Query(template, params)]).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Takes back a transaction, if one is open.
    pub(crate) async fn roll_back(&mut self) -> Result<(), Failure> {
        if self.is_open {
            self.run(vec![Statement::Batch("ROLLBACK".to_owned())]).await?;
            self.is_open = false;
        }
        Ok(())
    }

    /// Ends a transaction that has nothing to keep, without waiting for the answer, and gives the connection back.
    pub(crate) async fn end(self) {
        let mut session = self;
        if !session.is_open || session.is_busy {
            return;
        }
        let Ok(client) = session.client() else { return };
        // Once polled it is on its way, before whatever the next one who gets the connection sends.
        let mut rollback = Box::pin(client.batch_execute("ROLLBACK"));
        let failed = poll_fn(|cx| {
            Poll::Ready(match rollback.as_mut().poll(cx) {
                Poll::Ready(result) => result.is_err(),
                Poll::Pending => false,
            })
        })
        .await;
        drop(rollback);
        session.is_open = failed;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && (self.is_busy || self.is_open)
        {
            // Out of the pool, which would hand on the transaction that is open or the statement that runs.
            drop(Object::take(client));
        }
    }
}

/// Something to send.
pub(crate) enum Statement<'p> {
    /// A statement that is written in the source.
    Query(&'static str, Vec<Param<'p>>),
    /// A statement that was put together.
    Made(String, Vec<Param<'p>>),
    /// A statement that was put together and hardly comes again, so that the connection doesn't keep it.
    Once(String, Vec<Param<'p>>),
    /// Statements that begin a transaction.
    Begin(String),
    /// The end of a transaction that is kept.
    Commit,
    /// Statements without values and rows.
    Batch(String),
}

impl Statement<'_> {
    /// The beginning of a transaction that reads one snapshot. The server ends what takes too long.
    pub(crate) fn begin_reading(deadline: Option<Instant>) -> Self {
        Self::Begin(format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}",
            limits(deadline)
        ))
    }

    /// The beginning of a transaction that writes. Nothing is set for longer than the transaction, so that a pooler may
    /// stand in between.
    pub(crate) fn begin_writing(deadline: Option<Instant>) -> Self {
        Self::Begin(format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; {} SET LOCAL lock_timeout = {};",
            limits(deadline),
            millis(time_left(deadline))
        ))
    }
}

/// The time that a statement may take.
fn statement_limit(deadline: Option<Instant>) -> Duration {
    deadline.map_or(LONGEST, |deadline| {
        deadline.saturating_duration_since(Instant::now())
    })
}

fn limits(deadline: Option<Instant>) -> String {
    format!(
        "SET LOCAL statement_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {};",
        millis(statement_limit(deadline)),
        millis(IDLE)
    )
}

/// Milliseconds as a limit: at least one, as none would be no limit.
fn millis(duration: Duration) -> u128 {
    duration.as_millis().max(1)
}

type Answer<'f> = Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'f>>;

async fn ask<'f>(client: &'f Object, sql: &str, params: Vec<Param<'f>>) -> Result<Answer<'f>, Failure> {
    // Known after the first time on this connection.
    let prepared = client.prepare_cached(sql).await?;
    Ok(execute(client, prepared, params))
}

fn execute<'f>(
    client: &'f Object,
    prepared: tokio_postgres::Statement,
    params: Vec<Param<'f>>,
) -> Answer<'f> {
    Box::pin(async move {
        let params: Vec<&(dyn ToSql + Sync)> =
            params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
        client.query(&prepared, &params).await
    })
}

async fn batch(client: &Object, sql: String) -> Result<Vec<Row>, tokio_postgres::Error> {
    client.batch_execute(&sql).await.map(|()| Vec::new())
}

/// Sends all by polling each once, and takes the answers, which come in the same order.
async fn in_order<T>(futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(Some).collect();
    let mut answers: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    let mut answered = 0;
    let mut are_sent = false;
    poll_fn(|cx| {
        for (future, answer) in waiting.iter_mut().zip(&mut answers).skip(answered) {
            if let Some(pending) = future {
                match pending.as_mut().poll(cx) {
                    Poll::Ready(ready) => {
                        *answer = Some(ready);
                        *future = None;
                    }
                    // The others have nothing to do before this one has its answer.
                    Poll::Pending if are_sent => return Poll::Pending,
                    Poll::Pending => continue,
                }
            }
            if are_sent {
                answered += 1;
            }
        }
        are_sent = true;
        if waiting.iter().all(Option::is_none) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    answers.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn statements_are_sent_in_their_order_and_none_waits_for_an_answer() {
        let sent = Mutex::new(Vec::new());
        let one = |number: usize, polls: usize| {
            let sent = &sent;
            let mut left = polls;
            let future = poll_fn(move |cx| {
                if left == polls {
                    sent.lock().unwrap().push(number);
                }
                if left == 0 {
                    return Poll::Ready(number);
                }
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            });
            Box::pin(future) as Pin<Box<dyn Future<Output = usize> + Send + '_>>
        };
        let answers = in_order(vec![one(0, 5), one(1, 1), one(2, 0), one(3, 7)]).await;
        assert_eq!(answers, [0, 1, 2, 3]);
        assert_eq!(*sent.lock().unwrap(), [0, 1, 2, 3]);
    }
}

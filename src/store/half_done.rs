use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::sqlite::SqliteConnection;

/// `SQLITE_ERROR`: what `ROLLBACK` says where there is nothing to take back.
const NOTHING_THERE: &str = "1";

/// Whether the writer's connection may be within a transaction of which sqlx does not know, because its beginning was a statement
/// of a script: one that failed on the way, or whose caller went away.
#[derive(Debug, Clone, Default)]
pub(super) struct HalfDone(Arc<AtomicBool>);

impl HalfDone {
    /// Such a script is about to run.
    pub(super) fn begins(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// It ran to its end; or the connection is a new one.
    pub(super) fn is_whole(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Takes back what was left; whether the connection can be used now, else it is to be made anew.
    pub(super) async fn take_back(&self, connection: &mut SqliteConnection) -> bool {
        if !self.0.load(Ordering::SeqCst) {
            return true;
        }
        // After some failures SQLite has taken it back by itself.
        let is_gone = match sqlx::query("ROLLBACK").execute(connection).await {
            Ok(_) => true,
            Err(error) => error
                .as_database_error()
                .and_then(|error| error.code())
                .is_some_and(|code| code == NOTHING_THERE),
        };
        if is_gone {
            self.is_whole();
        }
        is_gone
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;

    #[tokio::test]
    async fn what_was_left_is_taken_back_and_nothing_else() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let half_done = HalfDone::default();
        sqlx::query("CREATE TABLE t (n INTEGER)").execute(&mut connection).await.unwrap();
        assert!(half_done.take_back(&mut connection).await);
        for end in ["COMMIT", "SELECT 1"] {
            half_done.begins();
            for statement in ["BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)", end] {
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            }
            assert!(half_done.take_back(&mut connection).await, "after {end}");
            let rows: i64 =
                sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut connection).await.unwrap();
            assert_eq!(rows, 1, "after {end}");
            sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
            assert!(half_done.take_back(&mut connection).await, "somebody else's is left alone");
            sqlx::query("COMMIT").execute(&mut connection).await.unwrap();
        }
    }
}

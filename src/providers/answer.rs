use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::domain::{ProviderError, Text};

/// Runs a question to somebody who may hang, lie or panic, until the deadline. What is not answered at once goes on in a task
/// of its own.
pub(super) async fn within<T: Send + 'static>(
    deadline: Duration,
    question: impl Future<Output = Result<T, ProviderError>> + Send + 'static,
) -> Result<T, ProviderError> {
    let (mut question, began) = (Box::pin(question), Instant::now());
    // Most are answered from memory: a task for each would cost more than the answer.
    let at_once = catch_unwind(AssertUnwindSafe(|| question.as_mut().now_or_never()));
    let answer = match at_once {
        Ok(Some(_)) if began.elapsed() > deadline => Err(too_late(deadline)),
        Ok(Some(answer)) => answer,
        Ok(None) => by_task(deadline, question).await,
        Err(_) => Err(broke_off()),
    };
    answer.map_err(|error| ProviderError(Text::new(&error.0).as_str().to_owned()))
}

async fn by_task<T: Send + 'static>(
    deadline: Duration,
    question: impl Future<Output = Result<T, ProviderError>> + Send + 'static,
) -> Result<T, ProviderError> {
    let mut task = Aborting(tokio::spawn(question));
    match tokio::time::timeout(deadline, &mut task.0).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(failure)) if failure.is_panic() => Err(broke_off()),
        Ok(Err(_)) => Err(ProviderError("was stopped".to_owned())),
        Err(_) => Err(too_late(deadline)),
    }
}

fn too_late(deadline: Duration) -> ProviderError {
    ProviderError(format!("did not answer within {} ms", deadline.as_millis()))
}

fn broke_off() -> ProviderError {
    ProviderError("broke off (panic)".to_owned())
}

/// A task that ends with whoever waits for it.
struct Aborting<T>(JoinHandle<T>);

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_is_known_is_said_at_once_and_what_breaks_off_is_an_error() {
        // Whatever goes on elsewhere cannot have answered it: one look, and no task.
        assert_eq!(within(LONG, async { Ok(1) }).now_or_never(), Some(Ok(1)));
        let broken = within::<()>(LONG, async { panic!("a provider's mistake") });
        assert_eq!(broken.now_or_never(), Some(Err(broke_off())));
        assert_eq!(within(LONG, late(async { Ok(2) })).await, Ok(2));
        assert_eq!(within::<()>(LONG, late(async { panic!("later") })).await, Err(broke_off()));
    }

    #[tokio::test]
    async fn who_does_not_answer_is_left() {
        let left = within::<()>(Duration::from_millis(30), std::future::pending()).await.unwrap_err();
        assert_eq!(left.0, "did not answer within 30 ms");
    }

    async fn late<T>(answer: impl Future<Output = T>) -> T {
        tokio::task::yield_now().await;
        answer.await
    }
}

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::domain::{ProviderError, Text};

/// Runs a question to somebody who may hang, lie or panic, in a task of its own, until the deadline.
pub(super) async fn within<T: Send + 'static>(
    deadline: Duration,
    question: impl Future<Output = Result<T, ProviderError>> + Send + 'static,
) -> Result<T, ProviderError> {
    let mut task = Aborting(tokio::spawn(question));
    match tokio::time::timeout(deadline, &mut task.0).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(failure)) if failure.is_panic() => Err(ProviderError("broke off (panic)".to_owned())),
        Ok(Err(_)) => Err(ProviderError("was stopped".to_owned())),
        Err(_) => Err(ProviderError(format!("did not answer within {} ms", deadline.as_millis()))),
    }
    .map_err(|error| ProviderError(Text::new(&error.0).as_str().to_owned()))
}

/// A task that ends with whoever waits for it.
struct Aborting<T>(JoinHandle<T>);

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use super::error::GateError;
use super::kernel::Kernel;

type Job = Box<dyn FnOnce(&mut Kernel) + Send>;

/// The thread that owns the sockets: the kernel's answers are waited for here, not in the async runtime. It ends when this
/// is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

impl Worker {
    pub(super) fn start(mut kernel: Kernel) -> Result<Self, GateError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("gate".to_owned())
            .spawn(move || {
                for job in queue {
                    job(&mut kernel);
                }
            })
            .map_err(GateError::socket("start the gate's thread"))?;
        Ok(Self { jobs })
    }

    /// Runs a job after those before it.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Kernel) -> T + Send + 'static,
    ) -> Result<T, GateError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |kernel| {
            // Nobody may be waiting any more; the work is done all the same.
            let _ = reply.send(job(kernel));
        });
        self.jobs.send(job).map_err(|_| GateError::Stopped)?;
        answer.await.map_err(|_| GateError::Stopped)
    }
}

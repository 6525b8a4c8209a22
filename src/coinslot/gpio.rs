use std::io::{Error, Result};

use gpiocdev::Request;
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, Value};
use tokio::io::unix::AsyncFd;

use super::reader::EdgeReader;
use crate::config::{GpioBias, GpioInput};
use crate::domain::BoxFuture;
use crate::domain::coin::Edge;

/// Who asks for the lines, as `gpioinfo` shows it.
const CONSUMER: &str = "turnpike";

/// A line of the kernel's GPIO character device. Edges come with the kernel's own time, so that a busy machine loses no
/// pulse: it only hears of it later.
pub(super) struct GpioReader {
    pulses: AsyncFd<Request>,
    /// Has the acceptor take coins.
    enable: Option<(Request, u32)>,
}

impl GpioReader {
    /// Asks the kernel for the lines.
    pub(super) fn open(input: &GpioInput) -> Result<Self> {
        let mut builder = Request::builder();
        builder
            .on_chip(&input.chip)
            .with_consumer(CONSUMER)
            .with_line(input.line)
            .as_input()
            .with_bias(bias(input.bias))
            .with_edge_detection(EdgeDetection::BothEdges);
        if input.active_low {
            builder.as_active_low();
        }
        let request = builder.request().map_err(failed)?;
        #[expect(deprecated, reason = "what is to take its place is unsafe; a Request owns its descriptor")]
        let pulses = AsyncFd::new(request)?;
        let enable = input.enable_line.map(|line| {
            let mut builder = Request::builder();
            builder.on_chip(&input.chip).with_consumer(CONSUMER).with_line(line).as_output(Value::Inactive);
            builder.request().map(|request| (request, line)).map_err(failed)
        });
        Ok(Self { pulses, enable: enable.transpose()? })
    }
}

impl EdgeReader for GpioReader {
    fn edge(&mut self) -> BoxFuture<'_, Result<Edge>> {
        Box::pin(async {
            loop {
                let mut ready = self.pulses.readable().await?;
                let request = self.pulses.get_ref();
                if request.has_edge_event().map_err(failed)? {
                    let event = request.read_edge_event().map_err(failed)?;
                    let active = match event.kind {
                        EdgeKind::Rising => true,
                        EdgeKind::Falling => false,
                    };
                    return Ok(Edge { at_ns: event.timestamp_ns, active, stamped: true });
                }
                ready.clear_ready();
            }
        })
    }

    fn enable(&mut self, enable: bool) -> Result<()> {
        let Some((request, line)) = &self.enable else { return Ok(()) };
        let value = if enable { Value::Active } else { Value::Inactive };
        request.set_value(*line, value).map(drop).map_err(failed)
    }
}

const fn bias(bias: GpioBias) -> Option<Bias> {
    match bias {
        GpioBias::AsIs => None,
        GpioBias::Disabled => Some(Bias::Disabled),
        GpioBias::PullUp => Some(Bias::PullUp),
        GpioBias::PullDown => Some(Bias::PullDown),
    }
}

fn failed(error: gpiocdev::Error) -> Error {
    Error::other(error.to_string())
}

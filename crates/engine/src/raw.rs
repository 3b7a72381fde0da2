use std::{
    fmt,
    sync::{Arc, Mutex},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    error::DataFusionError,
    execution::TaskContext,
    physical_plan::{SendableRecordBatchStream, stream::RecordBatchStreamAdapter, streaming::PartitionStream},
};
use futures::StreamExt;
use klimalade_model::{Fault, Result};
use tokio::sync::mpsc;

/// Where decode puts its batches. Dropping it ends the rows; a fault ends the mapping with it.
#[derive(Clone, Debug)]
pub struct RawSender(mpsc::Sender<Result<RecordBatch>>);

impl RawSender {
    /// Hands over one batch or the fault that ends it; blocks while the mapping is behind. False when nobody listens
    /// any more.
    pub fn send(&self, batch: Result<RecordBatch>) -> bool {
        self.0.blocking_send(batch).is_ok()
    }
    /// The same for async producers.
    pub async fn send_async(&self, batch: Result<RecordBatch>) -> bool {
        self.0.send(batch).await.is_ok()
    }
}

/// The table `raw`, or any stream: read once, from a channel.
pub(crate) struct Once {
    schema: SchemaRef,
    receiver: Mutex<Option<mpsc::Receiver<Result<RecordBatch>>>>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Once {
    pub(crate) fn channel(schema: SchemaRef) -> (RawSender, Arc<Self>) {
        let (sender, receiver) = mpsc::channel(2);
        (
            RawSender(sender),
            Arc::new(Self {
                schema,
                receiver: Mutex::new(Some(receiver)),
            }),
        )
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let receiver = self.receiver.lock().ok().and_then(|mut receiver| receiver.take());
        let stream = match receiver {
            Some(receiver) => futures::stream::unfold(receiver, |mut receiver| async move {
                let batch = receiver.recv().await?;
                Some((
                    batch.map_err(|fault| DataFusionError::External(Box::new(fault))),
                    receiver,
                ))
            })
            .boxed(),
            None => futures::stream::once(async {
                Err(DataFusionError::External(Box::new(Fault::bug(
                    "a stream that is read once was opened twice",
                ))))
            })
            .boxed(),
        };
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream))
    }
}

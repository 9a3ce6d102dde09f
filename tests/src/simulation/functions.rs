//! The functions of both deployments: processes that are warm, and new ones.

use std::sync::Arc;

use penstock_ingest::Ingest;
use penstock_refine::Refine;
use penstock_runtime::Lake;

use super::action::Place;
use super::port::Port;
use super::setting::Deployment;

/// How many processes of each function there may be; even ones are of the first deployment, odd ones of the second.
pub(super) const PROCESSES: usize = 4;

#[derive(Default)]
pub(super) struct Functions {
    ingests: [Option<Process<Ingest>>; PROCESSES],
    refines: [Option<Process<Refine>>; PROCESSES],
    pub(super) cold_starts: u64,
}

/// A process, with everything that its function remembers.
struct Process<F> {
    function: Arc<F>,
    port: Arc<Port>,
    serves: Option<u32>,
}

impl Functions {
    /// The ingest that serves this invocation. `port` is for a new process.
    pub(super) fn ingest(&mut self, id: u32, place: Place, port: Arc<Port>, deployment: Deployment) -> Arc<Ingest> {
        let make = |lake| Ingest::new(lake, deployment.dataset, deployment.ingest);
        serve(&mut self.ingests[place.process], id, place, port, make, &mut self.cold_starts)
    }

    pub(super) fn refine(&mut self, id: u32, place: Place, port: Arc<Port>, deployment: Deployment) -> Arc<Refine> {
        let make = |lake| Refine::new(lake, deployment.dataset, deployment.cut);
        serve(&mut self.refines[place.process], id, place, port, make, &mut self.cold_starts)
    }

    /// The invocation has ended: its process serves the next one.
    pub(super) fn rest(&mut self, id: u32) {
        for serves in self.serving(id) {
            *serves = None;
        }
    }

    /// The process of an invocation dies with all that it remembers.
    pub(super) fn die(&mut self, id: u32) {
        self.ingests.iter_mut().filter(|process| is_serving(process, id)).for_each(|process| *process = None);
        self.refines.iter_mut().filter(|process| is_serving(process, id)).for_each(|process| *process = None);
    }

    fn serving(&mut self, id: u32) -> impl Iterator<Item = &mut Option<u32>> {
        let ingests = self.ingests.iter_mut().flatten().map(|process| &mut process.serves);
        let refines = self.refines.iter_mut().flatten().map(|process| &mut process.serves);
        ingests.chain(refines).filter(move |serves| **serves == Some(id))
    }
}

fn is_serving<F>(process: &Option<Process<F>>, id: u32) -> bool {
    process.as_ref().is_some_and(|process| process.serves == Some(id))
}

/// The function at a place, which serves this invocation from now on: the warm one, or a new one if that is not free.
fn serve<F>(
    slot: &mut Option<Process<F>>,
    id: u32,
    place: Place,
    port: Arc<Port>,
    make: impl FnOnce(Lake) -> F,
    cold_starts: &mut u64,
) -> Arc<F> {
    let warm = slot.take().filter(|process| !place.is_cold && process.serves.is_none());
    let process = warm.unwrap_or_else(|| {
        *cold_starts += 1;
        let lake = Lake::over(Arc::clone(&port) as _, Arc::clone(&port) as _);
        Process { function: Arc::new(make(lake)), port, serves: None }
    });
    process.port.serve(id);
    Arc::clone(&slot.insert(Process { serves: Some(id), ..process }).function)
}

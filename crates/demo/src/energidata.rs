use crate::{
    answer::{Answer, Asked},
    world::World,
};
pub(crate) const HOST: &str = "api.energidataservice.dk";
#[derive(Debug, Default)]
pub(crate) struct Counter;
pub(crate) fn answer(_world: &World, _counter: &Counter, _asked: &Asked) -> Answer {
    Answer::text(404, "")
}
pub(crate) fn too_many(_seconds: u64) -> Answer {
    Answer::text(429, "")
}

use crate::{
    answer::{Answer, Asked},
    world::World,
};
pub(crate) const HOST: &str = "opendataapi.dmi.dk";
pub(crate) fn answer(_world: &World, _asked: &Asked) -> Answer {
    Answer::text(404, "")
}

use crate::{
    answer::{Answer, Asked},
    world::World,
};
pub(crate) const HOST: &str = "data.example-kommune.dk";
pub(crate) fn answer(_world: &World, _asked: &Asked) -> Answer {
    Answer::text(404, "")
}

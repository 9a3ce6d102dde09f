//! All dashboards, in the order in which one looks.

mod pipeline;
mod functions;
mod kafka;
mod quality;
mod cost;

use crate::board::Board;

pub(crate) fn all() -> [&'static Board; 5] {
    [&pipeline::BOARD, &functions::BOARD, &kafka::BOARD, &quality::BOARD, &cost::BOARD]
}

//! What only a directory can get wrong.

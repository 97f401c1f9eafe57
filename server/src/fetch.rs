//! Fetching ahead. What is kept of thousands of players lies all over memory, and by their next turn the processor's cache has
//! lost most of it. Who serves one after the other waits for each; who looks at several first waits for all at once.

/// So many are fetched, and then served.
pub const HELPING: usize = 16;

/// Has the processor fetch what is kept of `those`. `touch` reads a little of each part that is needed; what it returns means
/// nothing.
pub fn fetch<T>(those: impl Iterator<Item = T>, touch: impl Fn(T) -> usize) {
    std::hint::black_box(those.map(touch).fold(0, usize::wrapping_add));
}

import CMalloc

/// Gives freed memory back to the system. malloc keeps freed memory if a block behind it is still in use, as happens
/// after a burst of work. This takes some milliseconds for each 100 MB of heap.
public func returnFreeMemory() { malloc_trim(0) }

import CMalloc

/// Gives memory that was freed back to the system. malloc keeps it where something that is still in use lies behind it,
/// as it does after a burst of work. Takes some milliseconds for each 100 MB of heap.
public func returnFreeMemory() { malloc_trim(0) }

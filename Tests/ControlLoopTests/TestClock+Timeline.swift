import ControlLoop
import TestSupport

extension TestClock {
    var timeline: Timeline { Timeline(self) }
}

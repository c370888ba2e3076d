package cassettes

import "time"

// SetIdleLimit sets how long a program may send nothing while the recording waits for it.
func SetIdleLimit(d time.Duration) { idleLimit = d }

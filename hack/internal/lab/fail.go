package lab

import "fmt"

// A step that cannot go on ends as a test does that calls Fatal: at once, from wherever it is. So what it does reads as it is
// told, and no call of kubectl is followed by three lines about its error. Nothing but Run and Await catches a failure.

// failure is what Failf panics with.
type failure struct{ error }

// Failf ends the run with a message.
func Failf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// Check ends the run if there is an error.
func Check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// Must returns what a function returned without an error.
func Must[T any](value T, err error) T {
	Check(err)
	return value
}

// Try calls a function and returns how it failed. Any other panic goes on.
func Try(do func()) (err error) {
	defer func() {
		switch caught := recover().(type) {
		case nil:
		case failure:
			err = caught.error
		default:
			panic(caught)
		}
	}()
	do()
	return nil
}

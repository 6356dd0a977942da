//go:build unix

package main

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readerGone tells that nobody reads any more what is written to a pipe, such as that of "| head -1"; never, of anything else.
func readerGone(out io.Writer) <-chan struct{} {
	gone := make(chan struct{})
	if file, ok := out.(*os.File); ok {
		go func() {
			watched := []unix.PollFd{{Fd: int32(file.Fd())}} //nolint:gosec // descriptors are small
			for {
				_, err := unix.Poll(watched, -1)
				if err == nil && watched[0].Revents&unix.POLLERR != 0 {
					close(gone)
				}
				if !errors.Is(err, unix.EINTR) {
					return
				}
			}
		}()
	}
	return gone
}

//go:build !unix

package main

import "io"

// readerGone never tells anything here: the next write fails.
func readerGone(io.Writer) <-chan struct{} { return nil }

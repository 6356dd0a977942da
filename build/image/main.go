// Command image packs the manager into an archive in the OCI image layout, without a container engine. The archive has one image
// for each binary, and an index of them; next to it the command writes an SPDX document for each image.
//
//	binary ── its build information ──> platform, labels, SPDX document ─┐
//	Mozilla's roots, of a pinned module ─────────────────────────────────┼─> layers ─> image ─> index ─> archive
//	binary ──────────────────────────────────────────────────────────────┘
//
// What it writes depends on its arguments and the binaries alone: not on the clock, the user, the umask or the folder.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// release is what the images are a release of.
type release struct {
	version  string
	revision string
	created  time.Time
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	archive := flags.String("archive", "", "File to write. The SPDX documents and the digest are written next to it.")
	version := flags.String("version", "", "Version of the manager.")
	revision := flags.String("revision", "", "Commit that the manager was built from. If empty, no label has it.")
	created := flags.Int64("created", 0, "Time of everything in the archive, in seconds since 1970.")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *archive == "" || *version == "" || flags.NArg() == 0 {
		return errors.New("usage: image -archive FILE -version VERSION [-revision COMMIT] [-created SECONDS] BINARY [BINARY ...]")
	}
	r := release{version: *version, revision: *revision, created: time.Unix(*created, 0).UTC()}
	digest, err := r.pack(*archive, flags.Args())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s %s\n", digest, *archive)
	return err
}

// pack writes the archive, and next to it the SBOMs and the digest, and returns the digest of the index.
func (r release) pack(archive string, binaries []string) (v1.Hash, error) {
	base := strings.TrimSuffix(archive, ".tar")
	var images []image
	for _, file := range binaries {
		i, err := r.image(file)
		if err != nil {
			return v1.Hash{}, err
		}
		images = append(images, i)
		name := fmt.Sprintf("%s-%s-%s.spdx.json", base, i.platform.OS, i.platform.Architecture)
		if err := write(name, i.document); err != nil {
			return v1.Hash{}, err
		}
	}
	index, err := r.index(images)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := r.archive(archive, index); err != nil {
		return v1.Hash{}, err
	}
	digest, err := index.Digest()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("computing the digest of the index: %w", err)
	}
	return digest, write(base+".digest", []byte(digest.String()+"\n"))
}

// write writes a file for everybody to read, whatever the umask is.
func write(name string, text []byte) error {
	if err := os.WriteFile(name, text, 0o644); err != nil { //nolint:gosec // it is published
		return err
	}
	return os.Chmod(name, 0o644) //nolint:gosec // it is published
}

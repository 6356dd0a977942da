package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// What the archive of these tests is told.
const (
	testVersion  = "v9.9.9"
	testRevision = "0123456789abcdef0123456789abcdef01234567"
	testCreated  = "1700000000"
)

// manager is the manager of this tree, dial the program of testdata, and archive what the command makes of the manager.
var manager, dial, archive string

func TestMain(m *testing.M) { os.Exit(prepare(m)) }

func prepare(m *testing.M) int {
	dir, err := os.MkdirTemp("", "image-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of a temporary directory
	pack := filepath.Join(dir, "pack")
	manager, dial, archive = filepath.Join(dir, "manager"), filepath.Join(dir, "dial"), filepath.Join(dir, "image.tar")
	for _, step := range [][]string{
		{".", "go", "build", "-trimpath", "-buildvcs=false", "-o", pack, "."},
		{".", "go", "build", "-trimpath", "-buildvcs=false", "-o", dial, "./testdata/dial"},
		{"../..", "go", "build", "-trimpath", "-buildvcs=false", "-o", manager, "./cmd/manager"},
		{".", pack, "-archive", archive, "-version", testVersion, "-revision", testRevision, "-created", testCreated, manager},
	} {
		c := exec.CommandContext(context.Background(), step[1], step[2:]...)
		c.Dir = step[0]
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
		if out, err := c.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", step, err, out)
			return 1
		}
	}
	return m.Run()
}

// opened is the index in an archive, and the version under which tools find it there.
func opened(t *testing.T, archive string) (v1.ImageIndex, string) {
	t.Helper()
	dir := t.TempDir()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	unpack(t, file, dir)
	all, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := all.IndexManifest()
	if err != nil || len(list.Manifests) != 1 {
		t.Fatalf("the layout lists %+v: %v", list, err)
	}
	index, err := all.ImageIndex(list.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return index, list.Manifests[0].Annotations["org.opencontainers.image.ref.name"]
}

// only is the one image of an index, for the platform that it is listed with.
func only(t *testing.T, index v1.ImageIndex) (v1.Image, *v1.Platform) {
	t.Helper()
	list, err := index.IndexManifest()
	if err != nil || len(list.Manifests) != 1 {
		t.Fatalf("the index lists %+v: %v", list, err)
	}
	image, err := index.Image(list.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image, list.Manifests[0].Platform
}

// root is a directory with the files of the image, and these.
func root(t *testing.T, further map[string]string) string {
	t.Helper()
	index, _ := opened(t, archive)
	image, _ := only(t, index)
	dir := t.TempDir()
	files := mutate.Extract(image)
	defer files.Close() //nolint:errcheck // it was only read
	unpack(t, files, dir)
	for name, text := range further {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func unpack(t *testing.T, from io.Reader, dir string) {
	t.Helper()
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o755)
		} else {
			var text []byte
			if text, err = io.ReadAll(r); err == nil {
				err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, h.FileInfo().Mode()))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

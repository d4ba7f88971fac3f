/** Shell: a verified download, and what tells whether the tools of Kubernetes are there in the asked version. */
export const PACKAGE_FUNCTIONS = `
# What install_packages brings to KUBE_VERSION.
TOOLS=(kubelet kubeadm kubectl)

# download <url> <file>: verified against the SHA-256 that is published beside it.
download() {
  local sum
  curl --silent --show-error --fail --location --retry 5 --max-time 900 --output "$2.part" "$1"
  sum=$(curl --silent --show-error --fail --location --retry 5 --max-time 60 "$1.sha256")
  echo "\${sum%% *}  $2.part" | sha256sum --check --status || { echo "$1 does not match its checksum"; return 1; }
  mv "$2.part" "$2"
}

kubernetes_installed() {
  local tool
  for tool in "\${TOOLS[@]}"; do
    case $tool in
      kubeadm) [ "$(kubeadm version --output short 2>/dev/null)" = "$KUBE_VERSION" ] || return 1 ;;
      kubelet) [ "$(kubelet --version 2>/dev/null)" = "Kubernetes $KUBE_VERSION" ] || return 1 ;;
      *) command -v "$tool" >/dev/null || return 1 ;;
    esac
  done
}
`;

/** Shell: waits for a command to succeed. */
export const WAIT_FOR = `
# wait_for <seconds> <command...>
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "gave up waiting for: $*"
      return 1
    fi
    sleep 5
  done
}
`;

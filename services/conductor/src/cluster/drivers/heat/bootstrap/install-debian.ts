/** Shell: packages from the distribution (containerd) and from Kubernetes' apt repository, unless the image has them. */
export const INSTALL_DEBIAN = `
install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get --yes --quiet -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5) version=\${KUBE_VERSION#v} missing=()
  command -v containerd >/dev/null || missing+=(containerd)
  command -v curl >/dev/null || missing+=(curl ca-certificates)
  command -v iptables >/dev/null || missing+=(iptables)
  if [ "\${#missing[@]}" -gt 0 ]; then
    "\${apt[@]}" update
    "\${apt[@]}" install "\${missing[@]}"
  fi
  if kubernetes_installed; then return 0; fi
  install -d -m 0755 /etc/apt/keyrings /etc/apt/sources.list.d
  curl --silent --show-error --fail --location --retry 5 --max-time 60 \\
    --output /etc/apt/keyrings/kubernetes.asc "$PACKAGE_REPOSITORY/Release.key"
  echo "deb [signed-by=/etc/apt/keyrings/kubernetes.asc] $PACKAGE_REPOSITORY /" >/etc/apt/sources.list.d/kubernetes.list
  "\${apt[@]}" update
  "\${apt[@]}" install --allow-change-held-packages --allow-downgrades \\
    "\${TOOLS[@]/%/=$version-*}"
  apt-mark hold "\${TOOLS[@]}"
}
`;

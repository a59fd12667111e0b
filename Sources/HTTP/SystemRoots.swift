import CCurl

/// The certificates that the system trusts.
public enum SystemRoots {
    /// The file that libcurl was built to trust. Nil if it was built without one.
    public static var path: String? {
        guard let info = curl_version_info(CURLVERSION_SEVENTH), let path = info.pointee.cainfo else { return nil }
        return String(cString: path)
    }
}
